/* signal_stack.c - sigaltstack, politely. */
#include "base/signal_stack.h"

#include <signal.h>

void signal_stack_use(void *memory)
{
    stack_t stack = {.ss_flags = SS_DISABLE};
    sigaltstack(NULL, &stack);
    if (!(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_sp = memory, .ss_size = SIGNAL_STACK};
    sigaltstack(&stack, NULL);
}

void signal_stack_leave(const void *memory)
{
    stack_t stack;
    if (sigaltstack(NULL, &stack) < 0 || stack.ss_sp != memory)
        return;
    stack = (stack_t){.ss_flags = SS_DISABLE};
    sigaltstack(&stack, NULL);
}
