/* signal_stack.h - where the handler of a stack overflow runs: a stack of its own, a thread each.
 */
#pragma once
#include <stddef.h>

enum { SIGNAL_STACK = 64 * 1024 };

/* Makes `memory` (SIGNAL_STACK bytes that live as long as the thread) the calling thread's stack
 * for signals, unless it has one: a sanitizer's, which it takes for its own when the thread ends.
 */
void signal_stack_use(void *memory);
/* Takes it away again, if it is that one. */
void signal_stack_leave(const void *memory);
