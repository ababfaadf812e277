/* exit_text.c - what waitid says, for people. */
#include "process/exit_text.h"

#include <stdio.h>
#include <string.h>

const char *exit_text(const siginfo_t *info, char *out, size_t size)
{
    if (info->si_code == CLD_EXITED) {
        snprintf(out, size, "exited with code %d", info->si_status);
        return out;
    }
    const char *name = sigabbrev_np(info->si_status);
    const char *core = info->si_code == CLD_DUMPED ? " (core dumped)" : "";
    if (name)
        snprintf(out, size, "was killed by SIG%s%s", name, core);
    else
        snprintf(out, size, "was killed by signal %d%s", info->si_status, core);
    return out;
}
