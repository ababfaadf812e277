/* trial.h - opening one app in a process of its own, to see whether it opens.
 *
 * For `gale check`: a plugin that crashes, hangs or ends its process in open then harms nobody, and
 * what happened is told in a sentence. The process becomes whom workers run as, opens the app as a
 * worker does, and ends without closing it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct config;
struct identity;

struct trial {
    const struct config *config;
    const struct identity *identity; /* whom workers run as */
    int64_t timeout_ms;
};

/* Opens the app of that index. Returns 0, or -ECANCELED and in *out_error (owned) what was wrong:
 * "FILE:LINE: [app NAME] ...". To be called while the process has neither threads nor a loop. */
int trial_open(const struct trial *trial, size_t index, char **out_error);
