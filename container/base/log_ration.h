/* log_ration.h - lines that a shortage makes many of.
 *
 * When something has run out, every request fails of the same, thousands a second. A few lines in
 * ten seconds tell that; the others are counted, and the count is logged with the next line that
 * may be written. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { LOG_RATION_LINES = 10, LOG_RATION_MS = 10 * 1000 };

/* Of one kind of line. Zeroed at first. */
struct log_ration {
    /* private */
    int64_t since_ms;
    unsigned lines; /* since then */
    uint64_t left_out;
};

/* Whether such a line may be written now; `what` names them where it is said how many were not. */
bool log_ration_take(struct log_ration *ration, const char *what);
