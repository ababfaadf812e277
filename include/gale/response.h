/* gale/response.h - the answer. All functions: task.
 *
 * Set the status and headers, write, return. What is written is kept up to 16 KiB and leaves when
 * that is full, at gale_response_flush, when the task is about to wait for something else, and at
 * the end. An answer that ends before anything left gets a Content-Length by itself; a longer one
 * without a Content-Length of yours is chunked (for HTTP/1.0: ended by closing). With one, it is
 * counted: an answer that is longer or shorter has its connection cut and the fault logged.
 *
 * 0 on success. Once the client has gone, calls return -ECANCELED and the rest is dropped: return
 * from serve, whatever you return is fine. */
#pragma once
#include <gale/macros.h>
#include <gale/str.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

GALE_BEGIN

struct gale_response;

/* 200 if never called. 200 to 599; -EINVAL else, -EALREADY once the head has left. */
GALE_API int gale_response_status(struct gale_response *res, int status);
/* Sets a header field, in place of any of that name; NULL takes it away. A name that is no token or
 * a value with CR, LF, NUL or other control bytes is refused: -EINVAL, nothing is set. -EPERM for
 * the fields that frame the message (Connection, Transfer-Encoding, Upgrade, Trailer, Keep-Alive);
 * Content-Length must be a number. -EALREADY once the head has left. */
GALE_API int gale_response_header(struct gale_response *res, const char *name, const char *value);
GALE_API int gale_response_header_str(struct gale_response *res, struct gale_str name,
                                      struct gale_str value);
/* The same, beside any other field of that name. */
GALE_API int gale_response_header_add(struct gale_response *res, struct gale_str name,
                                      struct gale_str value);

/* Writes a date as header fields want it ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7), with a
 * zero behind it; seconds since 1970. thread */
enum { GALE_HTTP_DATE_SIZE = 30 };
GALE_API void gale_http_date(int64_t seconds, char out[GALE_HTTP_DATE_SIZE]);

/* Set-Cookie (RFC 6265 4.1). Zeroed fields are off; NULL path is "/". */
struct gale_cookie {
    const char *name, *value;
    const char *path, *domain;
    int64_t max_age; /* seconds; 0: until the browser ends; -1: delete the cookie */
    int secure, http_only;
    const char *same_site; /* "Lax", "Strict", "None" or NULL */
};
/* -EINVAL for a byte that may not be in a cookie. */
GALE_API int gale_response_cookie(struct gale_response *res, const struct gale_cookie *cookie);

/* Appends to the body. May wait until the client takes it. */
GALE_API int gale_response_write(struct gale_response *res, const void *data, size_t len);
GALE_API int gale_response_puts(struct gale_response *res, const char *text);
GALE_API int gale_response_printf(struct gale_response *res, const char *format, ...)
    GALE_FORMAT(2, 3);
GALE_API int gale_response_vprintf(struct gale_response *res, const char *format, va_list args);
/* Sends what was written so far, the head included. May wait. */
GALE_API int gale_response_flush(struct gale_response *res);
/* Sends `len` bytes of the file from `offset`, -1: to its end. The descriptor stays yours. May
 * wait. The bytes go from file to socket without passing through the worker. */
GALE_API int gale_response_sendfile(struct gale_response *res, int fd, int64_t offset, int64_t len);
/* Whether the head has left: status and headers are settled. */
GALE_API int gale_response_is_started(const struct gale_response *res);

/* A whole answer in one call: status, Content-Type and body. Returns GALE_OK or the error, so that
 * serve can end with `return gale_reply(...)`. */
GALE_API int gale_reply(struct gale_response *res, int status, const char *type, const char *format,
                        ...) GALE_FORMAT(4, 5);
GALE_API int gale_reply_str(struct gale_response *res, int status, const char *type,
                            struct gale_str body);
/* Sends the client elsewhere: 301, 302, 303, 307 or 308 with a Location. */
GALE_API int gale_redirect(struct gale_response *res, int status, const char *location);

GALE_END
