/* log_ration.c - windows of ten seconds, each of which begins with the count of the last. */
#include "base/log_ration.h"

#include "base/clock.h"
#include "base/log.h"

static void begin(struct log_ration *ration, int64_t now_ms, const char *what)
{
    if (ration->left_out)
        log_warn("lines like the next were left out", LOG_TEXT("of", what),
                 LOG_NUMBER("count", (int64_t)ration->left_out));
    *ration = (struct log_ration){.since_ms = now_ms};
}

bool log_ration_take(struct log_ration *ration, const char *what)
{
    int64_t now_ms = clock_mono_ms();
    if (!ration->since_ms || now_ms - ration->since_ms >= LOG_RATION_MS)
        begin(ration, now_ms, what);
    if (ration->lines < LOG_RATION_LINES) {
        ration->lines++;
        return true;
    }
    ration->left_out++;
    return false;
}
