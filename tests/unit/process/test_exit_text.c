/* test_exit_text.c - ends of processes in words. */
#include <signal.h>
#include <unistd.h>

#include "process/exit_text.h"
#include "unit.h"

START_TEST(tells_codes_and_signals)
{
    static const struct {
        int code, status;
        const char *text;
    } cases[] = {
        {CLD_EXITED, 0, "exited with code 0"},
        {CLD_EXITED, 3, "exited with code 3"},
        {CLD_KILLED, SIGKILL, "was killed by SIGKILL"},
        {CLD_DUMPED, SIGSEGV, "was killed by SIGSEGV (core dumped)"},
        {CLD_KILLED, 63, "was killed by signal 63"},
    };
    char out[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        siginfo_t info = {0};
        info.si_code = cases[i].code;
        info.si_status = cases[i].status;
        ck_assert_str_eq(exit_text(&info, out, sizeof(out)), cases[i].text);
    }
}
END_TEST

UNIT_MAIN(tells_codes_and_signals)
