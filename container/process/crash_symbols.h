/* crash_symbols.h - from places in files to functions and source lines.
 *
 * Done by a process of its own, `gale symbols`, which the master starts with a crash record as its
 * standard input: debugging information may be large, slow to read, or made to confuse. It writes a
 * line for each function of each frame, inlined ones too, innermost first:
 *
 *   FRAME <tab> FUNCTION <tab> OFFSET <tab> FILE <tab> LINE <newline>
 *
 * Parts that are not known are empty; without a FUNCTION the OFFSET is that in the file as the
 * loader counts. The frame CRASH_FRAMES is the type of a C++ exception. */
#pragma once

/* "gale symbols [UID GID USER]": becomes whom workers run as, since files that they have loaded are
 * not to be trusted more than they are; reads a record, writes the lines. Returns what to exit
 * with. */
int crash_symbols_main(int argc, char **argv);
