/* handoff.h - replies that name what is to be sent instead of being it.
 *
 *   X-Sendfile: PATH         a file below the app's `sendfile` folder, absolute or relative to it
 *   X-Accel-Redirect: URL    a file, where one of the app's `accel = PREFIX FOLDER` fits; else what
 *                            another app answers to that URL
 *
 * A file goes out with the fields of the reply, and with ranges and conditions as RFC 9110 has
 * them; it is never one outside of its folder. */
#pragma once
#include <stddef.h>
#include "base/macros.h"

struct gale_request;
struct gale_response;
struct reply;
struct setting_pairs;

struct handoff_folder {
    const char *prefix; /* "" for X-Sendfile */
    const char *path;
    int fd;
};

/* Of one app. */
struct handoff {
    struct handoff_folder *folders; /* owned; the first one is X-Sendfile's */
    size_t count;
};

/* Opens the folders; both may be unset. On failure *out_path is the folder that could not be
 * opened. 0 or -errno. */
int handoff_open(struct handoff *handoff, const char *sendfile, const struct setting_pairs *accel,
                 const char **out_path);
void handoff_close(struct handoff *handoff);
/* Answers with what the reply names. Returns what serve returns; where that is an error, *out_why
 * says why in a clause, or is NULL when it was logged already. */
SUSPENDS int handoff_serve(const struct handoff *handoff, const struct reply *reply,
                           struct gale_request *req, struct gale_response *res,
                           const char **out_why);
