/* error_page.h - errors as answers: which status an -errno is, and the page that says so.
 *
 * The only place that turns an -errno into a status. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>
#include "base/macros.h"

struct exchange;
struct setting_errors;
struct setting_pairs;

/* The pages of one server, read when the configuration was. */
struct error_pages {
    struct error_page_file *files; /* owned */
    size_t len;
    /* Makes the answer itself, before all others, or returns -ENOENT; NULL: nobody does. */
    int (*make)(struct exchange *exchange, int status);
};

/* Reads the files of `error_page = STATUS PATH`. Returns 0 or -EINVAL after adding to errors. */
int error_pages_open(struct error_pages *pages, const struct setting_pairs *pairs, const char *base,
                     struct setting_errors *errors);
void error_pages_close(struct error_pages *pages);

/* The status for what serve returned or a waiting call failed with: 400 to 599 as they are;
 * -EMSGSIZE of a body 413, -EBADMSG 400, -ETIMEDOUT 408 or 504, no memory of tasks 503, the rest
 * 500. `request_side`: the failure was in reading the request. */
int error_status(int verdict, bool request_side);
/* What logs say of an answer that did not reach its end for `result`, as other servers say it, too:
 * 504 the app's deadline, 499 the client left, 408 it read too slowly, 500 the app failed.
 * `cancelled` is what cancelled the task, or 0. */
int error_status_of_cut(int result, int cancelled);

/* Answers with the page of `status`: the server's own file, or a plain and pretty one (JSON or text
 * for clients that prefer it), with the request's id. `why` may be "". Status 405 gets no Allow by
 * itself. Returns 0 or -errno. */
SUSPENDS int error_page_send(struct exchange *exchange, int status, const char *why);
