/* unit.h - what every unit test program shares: Check, one suite, a leak check.
 *
 *   #include "unit.h"
 *   START_TEST(adds) { ck_assert_int_eq(1 + 1, 2); } END_TEST
 *   UNIT_MAIN(adds, other)
 *
 * Check forks each test and gives it a time limit. A test that leaves a descriptor open that was
 * not open before it fails; under ASan so does one that leaks memory. */
#pragma once
#include <check.h>
#include <stdlib.h>

/* Runs the tests (up to a NULL); 0 when all passed. */
int unit_run(const char *file, const TTest *const *tests);

/* The running test's own folder, which goes with it and with what is in it. */
extern char unit_folder[32];

#define UNIT_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return unit_run(__FILE__, tests);                                                          \
    }
