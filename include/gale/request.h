/* gale/request.h - what the client asked. All functions: task, unless said otherwise.
 *
 * Paths, in one example: an app mounted on /shop, asked for GET /shop/a%20b/%2e/c%2Fd?x=1&x=2
 *
 *   gale_request_target        "/shop/a%20b/%2e/c%2Fd?x=1&x=2"    as it was sent
 *   gale_request_path          "/shop/a b/c%2Fd"    decoded once, dot segments removed
 *   gale_request_mount         "/shop"
 *   gale_request_below         "/a b/c%2Fd"         the path below the mount: "" or "/..."
 *   gale_request_query_string  "x=1&x=2"
 *
 * %2F and %5C stay encoded in paths, so that no segment grows a slash, and so does %25 where the %
 * it means could be misread as one of them; %00 never gets here. */
#pragma once
#include <gale/macros.h>
#include <gale/str.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

GALE_BEGIN

struct gale_app;
struct gale_request;

GALE_API struct gale_str gale_request_method(const struct gale_request *req); /* "GET" */
GALE_API struct gale_str gale_request_target(const struct gale_request *req);
GALE_API struct gale_str gale_request_path(const struct gale_request *req);
GALE_API struct gale_str gale_request_mount(const struct gale_request *req);
GALE_API struct gale_str gale_request_below(const struct gale_request *req);
GALE_API struct gale_str gale_request_query_string(const struct gale_request *req);
/* The Host the client asked for, in lower case, without port; "" from an HTTP/1.0 client that
 * named none (RFC 9110 7.2). */
GALE_API struct gale_str gale_request_host(const struct gale_request *req);
/* "http" or "https", as the client sees it (trusted_proxies). */
GALE_API struct gale_str gale_request_scheme(const struct gale_request *req);
/* The client's address ("203.0.113.7", "2001:db8::1", "unix") and port, 0 where there is none. */
GALE_API struct gale_str gale_request_peer(const struct gale_request *req);
GALE_API unsigned gale_request_peer_port(const struct gale_request *req);
/* The address and port the client reached: "127.0.0.1", 8080. */
GALE_API struct gale_str gale_request_local(const struct gale_request *req);
GALE_API unsigned gale_request_local_port(const struct gale_request *req);
/* "HTTP/1.1" */
GALE_API struct gale_str gale_request_protocol(const struct gale_request *req);
/* The request's id, as in both logs and on error pages. */
GALE_API struct gale_str gale_request_id(const struct gale_request *req);
/* The app that is serving it. */
GALE_API struct gale_app *gale_request_app(const struct gale_request *req);

/* ---- named values ----
 * X(req, name, fallback) is the first value of that name, or fallback.
 * X_nth(req, name, nth, &value) is the nth one, from 0, byte for byte: 0, or -ENOENT. */

/* Header fields (RFC 9110 6.3); names without case. */
GALE_API const char *gale_request_header(const struct gale_request *req, const char *name,
                                         const char *fallback);
GALE_API int gale_request_header_nth(const struct gale_request *req, struct gale_str name,
                                     size_t nth, struct gale_str *out_value);
/* All fields in the order they came: 0, or -ENOENT beyond the last. */
GALE_API int gale_request_header_at(const struct gale_request *req, size_t index,
                                    struct gale_str *out_name, struct gale_str *out_value);

/* What others than the client have said of the request, named as CGI's variables are (RFC
 * 3875 4.1), with case: the app's authorizer (`authorize`: its field Variable-VISITOR is "VISITOR"
 * here), and a web server that speaks FastCGI to gale ("REMOTE_USER", "AUTH_TYPE"). No client can
 * set them. */
GALE_API const char *gale_request_variable(const struct gale_request *req, const char *name,
                                           const char *fallback);
GALE_API int gale_request_variable_at(const struct gale_request *req, size_t index,
                                      struct gale_str *out_name, struct gale_str *out_value);

/* Pairs of the query string: + and %XX decoded, once. At most 1000; more count as none. */
GALE_API const char *gale_request_query(struct gale_request *req, const char *name,
                                        const char *fallback);
GALE_API int gale_request_query_nth(struct gale_request *req, struct gale_str name, size_t nth,
                                    struct gale_str *out_value);
GALE_API int gale_request_query_at(struct gale_request *req, size_t index,
                                   struct gale_str *out_name, struct gale_str *out_value);

/* Cookies (RFC 6265 5.4); of several with one name the last counts. */
GALE_API const char *gale_request_cookie(struct gale_request *req, const char *name,
                                         const char *fallback);
GALE_API int gale_request_cookie_str(struct gale_request *req, struct gale_str name,
                                     struct gale_str *out_value);

/* ---- the body ----
 * It is read from the client only when asked for, so nothing is received in vain. */

/* The bytes announced, or -1 when the client did not say (chunked). */
GALE_API int64_t gale_request_length(const struct gale_request *req);
/* The next bytes of the body: their number, 0 at its end, or an error: -EMSGSIZE beyond max_body
 * (return it: the client gets 413), -EBADMSG for a broken or cut one (400), -ETIMEDOUT (408),
 * -ECANCELED, -ECONNRESET. May wait. */
GALE_API ssize_t gale_request_read(struct gale_request *req, void *buffer, size_t size);
/* The whole body in memory: 0, or an error as above. May wait. */
GALE_API int gale_request_body(struct gale_request *req, struct gale_str *out_body);

/* Fields of a form, application/x-www-form-urlencoded or multipart/form-data (RFC 7578). The first
 * call reads the body; may wait. gale_request_form_read does so explicitly: 0; -ENOENT when the
 * body is no form; -EBADMSG when it is a broken one (400); -EMSGSIZE for more than 1000 fields or
 * 64 large files (413); -EALREADY when some of the body was read before; or an error as above. */
GALE_API int gale_request_form_read(struct gale_request *req);
GALE_API const char *gale_request_form(struct gale_request *req, const char *name,
                                       const char *fallback);
GALE_API int gale_request_form_nth(struct gale_request *req, struct gale_str name, size_t nth,
                                   struct gale_str *out_value);
GALE_API int gale_request_form_at(struct gale_request *req, size_t index, struct gale_str *out_name,
                                  struct gale_str *out_value);

/* An uploaded file of a multipart form. Small ones are in memory, larger ones (the app's
 * `form_memory`, 64K by default) in an unlinked temporary file; both are gone with the request. */
struct gale_file {
    struct gale_str field;    /* the form field's name */
    struct gale_str filename; /* as the client said it: never use it as a path */
    struct gale_str type;     /* its media type as the client said it; "" */
    int64_t size;
    struct gale_str data; /* the content, where fd is -1 */
    int fd;               /* else the file, at offset 0; gale closes it */
};
GALE_API int gale_request_file_at(struct gale_request *req, size_t index,
                                  struct gale_file *out_file);

/* ---- memory that lives as long as the request; never NULL ---- */

GALE_API void *gale_request_alloc(struct gale_request *req, size_t size);
GALE_API const char *gale_request_printf(struct gale_request *req, const char *format, ...)
    GALE_FORMAT(2, 3);
GALE_API struct gale_str gale_request_copy(struct gale_request *req, struct gale_str text);
/* Text made safe inside HTML, also in attributes: & < > " ' become entities. */
GALE_API const char *gale_request_escape(struct gale_request *req, const char *text);
GALE_API struct gale_str gale_request_escape_str(struct gale_request *req, struct gale_str text);

/* ---- preconditions and ranges (RFC 9110 13 and 14) ---- */

/* What the client's conditions say about a resource with this entity tag ("\"abc\"", "W/\"abc\"" or
 * NULL) and modification time (seconds since 1970, or -1): 0 go on, 304 or 412; the caller sets
 * the headers and answers. */
GALE_API int gale_request_check(const struct gale_request *req, const char *etag, int64_t modified);
/* The one range of a resource of `size` bytes that the client wants, Range and If-Range considered:
 * 206 with *out_from and *out_len, 200 for the whole, or 416. */
GALE_API int gale_request_range(const struct gale_request *req, const char *etag, int64_t modified,
                                int64_t size, int64_t *out_from, int64_t *out_len);
/* Whether the client takes the content coding, "gzip" or "br" (Accept-Encoding, RFC 9110 12.5.3).
 */
GALE_API int gale_request_accepts_coding(const struct gale_request *req, const char *coding);

GALE_END
