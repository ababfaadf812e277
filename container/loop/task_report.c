/* task_report.c - what tells a task's stack overflow from other faults.
 *
 * The handler runs on a stack of its own, since the task's is used up, and does only what is
 * safe in a signal handler: a word on the board, beside what the task was at, from which the master
 * makes one line of its log. It then puts back what was there before: returning repeats the fault,
 * and the signal takes its course with the registers of the fault in the core. */
#include <signal.h>
#include "base/board.h"
#include "loop/task.h"
#include "loop/task_private.h"

static struct sigaction old_segv, old_bus;

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    const struct task *task = task_running;
    (void)context;
    if (task && info->si_code > 0 && coroutine_is_overflow(task->coroutine, info->si_addr))
        atomic_store(&board_mine->has_overflowed, 1);
    sigaction(signal_number, signal_number == SIGSEGV ? &old_segv : &old_bus, NULL);
    if (info->si_code <= 0)
        raise(signal_number); /* sent by kill(2): nothing would repeat it */
}

/* A sanitizer has one already, and takes it for its own when the thread ends. */
static void need_signal_stack(void)
{
    static char memory[64 * 1024];
    stack_t stack = {.ss_flags = SS_DISABLE};
    sigaltstack(NULL, &stack);
    if (!(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_sp = memory, .ss_size = sizeof(memory)};
    sigaltstack(&stack, NULL);
}

void task_report_overflow(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    need_signal_stack();
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
}
