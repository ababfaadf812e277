/* crash_handler.h - how a worker writes its crash record while it dies.
 *
 * The handlers of SEGV, BUS, ILL, FPE, TRAP, ABRT, SYS, XCPU and XFSZ run on a stack of their own
 * and do only what is safe in a signal handler. First the facts go to the record on the board, then
 * the frames, then the files that these lie in; each step may fault in turn (a smashed stack, a
 * broken heap), which ends that step and not the record. Then the signal takes the course that it
 * would have had: the core has the registers of the fault, a sanitizer its report.
 *
 * exit() and a sanitizer's own end leave a record, too. What can't: _exit, SIGKILL, and a stack
 * overflow on a thread that a plugin made, which has no other stack for the handler. */
#pragma once

/* From now on this process, but none that it forks, leaves a record on board_mine. On the loop's
 * thread; what plugins install later goes first. */
void crash_handler_install(void);
