/* test_signal_stack.c - a thread without a stack for signals gets one, another keeps its own. */
#include "base/signal_stack.h"

#include <signal.h>
#include <string.h>
#include "unit.h"

static stack_t current(void)
{
    stack_t stack;
    ck_assert_int_eq(sigaltstack(NULL, &stack), 0);
    return stack;
}

static void disable(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    ck_assert_int_eq(sigaltstack(&none, NULL), 0);
}

START_TEST(is_given_and_taken_away)
{
    static char memory[SIGNAL_STACK], other[SIGNAL_STACK];
    stack_t before = current();
    disable();
    signal_stack_use(memory);
    ck_assert_ptr_eq(current().ss_sp, memory);
    ck_assert_uint_eq(current().ss_size, SIGNAL_STACK);
    signal_stack_use(other); /* it has one */
    ck_assert_ptr_eq(current().ss_sp, memory);
    signal_stack_leave(other); /* which is not that */
    ck_assert_ptr_eq(current().ss_sp, memory);
    signal_stack_leave(memory);
    ck_assert_int_eq(current().ss_flags, SS_DISABLE);
    ck_assert_int_eq(sigaltstack(&before, NULL), 0);
}
END_TEST

UNIT_MAIN(is_given_and_taken_away)
