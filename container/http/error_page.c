/* error_page.c - pages for errors: the server's own files, or one that needs nothing but itself. */
#include "http/error_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/setting.h"
#include "http/accept.h"
#include "http/exchange.h"
#include "http/http_status.h"

enum { PAGE_MAX = 1024 * 1024 };

struct error_page_file {
    int status;
    char *path; /* owned */
    char *body; /* owned */
    size_t len;
};

/* ---- the server's own pages ---- */

static int read_page(const char *path, struct error_page_file *page)
{
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size > PAGE_MAX)
        return -EFBIG;
    page->body = memory_alloc((size_t)st.st_size + 1);
    ssize_t n = read(fd, page->body, (size_t)st.st_size);
    page->len = n < 0 ? 0 : (size_t)n;
    page->path = memory_copy(path, strlen(path));
    return n < 0 ? -errno : 0;
}

static char *page_path(const char *base, const char *path)
{
    return path[0] == '/' ? memory_copy(path, strlen(path)) : memory_printf("%s/%s", base, path);
}

static void add_page(struct error_pages *pages, const struct setting_pair *pair, const char *base,
                     struct setting_errors *errors)
{
    struct error_page_file page = {0};
    uint64_t status = 0;
    if (str_to_u64(str_of(pair->name), &status) < 0 || status < 400 || status > 599) {
        setting_errors_add(
            errors, pair->file, pair->line,
            "error_page: '%s' is not a status; expected 400 to 599 and a path, as in "
            "`error_page = 404 pages/404.html`",
            pair->name);
        return;
    }
    scoped_free char *path = page_path(base, pair->value);
    int r = read_page(path, &page);
    page.status = (int)status;
    if (r == 0) {
        pages->files[pages->len++] = page;
        return;
    }
    free(page.path);
    free(page.body);
    setting_errors_add(errors, pair->file, pair->line,
                       "error_page: cannot read %s: %s; expected a file of at most 1M", path,
                       strerror(-r));
}

int error_pages_open(struct error_pages *pages, const struct setting_pairs *pairs, const char *base,
                     struct setting_errors *errors)
{
    size_t before = errors->len;
    *pages = (struct error_pages){.files = memory_zalloc(pairs->len * sizeof(*pages->files))};
    for (size_t i = 0; i < pairs->len; i++)
        add_page(pages, &pairs->items[i], base, errors);
    return errors->len > before ? -EINVAL : 0;
}

void error_pages_close(struct error_pages *pages)
{
    for (size_t i = 0; i < pages->len; i++) {
        free(pages->files[i].path);
        free(pages->files[i].body);
    }
    free(pages->files);
    *pages = (struct error_pages){0};
}

static const struct error_page_file *find_page(const struct error_pages *pages, int status)
{
    for (size_t i = 0; pages && i < pages->len; i++)
        if (pages->files[i].status == status)
            return &pages->files[i];
    return NULL;
}

/* ---- statuses ---- */

int error_status(int verdict, bool request_side)
{
    if (verdict >= 400 && verdict <= 599)
        return verdict;
    switch (verdict) {
    case 1:
        return 404; /* GALE_DECLINE, by everybody */
    case -EMSGSIZE:
        return request_side ? 413 : 500;
    case -EBADMSG:
        return request_side ? 400 : 500;
    case -ETIMEDOUT:
        return request_side ? 408 : 504;
    case -ECONNRESET:
        return request_side ? 400 : 500;
    case -EAGAIN:
    case -EMFILE:
    case -ENFILE:
    case -ENOSPC:
    case -EDQUOT:
    case -ENOMEM:
    case -ENOBUFS:
        return 503;
    default:
        return 500;
    }
}

int error_status_of_cut(int result, int cancelled)
{
    if (cancelled == -ETIMEDOUT)
        return 504;
    if (cancelled < 0 || result == -ECANCELED || result == -ECONNRESET || result == -EPIPE)
        return 499;
    return result == -ETIMEDOUT ? 408 : 500;
}

/* ---- gale's own page ---- */

static const char page_html[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>%d %s</title>\n<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;"
    "place-items:center;background:Canvas;color:CanvasText}\n"
    "main{padding:2rem;max-width:34rem}\n"
    "h1{font-size:4.5rem;line-height:1;margin:0;font-weight:300;letter-spacing:-.03em}\n"
    "h2{font-size:1.25rem;font-weight:600;margin:.5rem 0 1rem}\n"
    "p{margin:.5rem 0}\nsmall{opacity:.6}\ncode{font:.9em ui-monospace,monospace}\n"
    "</style>\n</head>\n<body>\n<main>\n<h1>%d</h1>\n<h2>%s</h2>\n%s%s%s"
    "<p><small>request <code>%s</code></small></p>\n</main>\n</body>\n</html>\n";

static int send_html(struct exchange *exchange, int status, const char *why)
{
    const char *reason = http_status_reason(status).at;
    const char *safe = gale_request_escape(&exchange->req, why);
    return gale_reply(&exchange->res, status, "text/html; charset=utf-8", page_html, status, reason,
                      status, reason, *why ? "<p>" : "", safe, *why ? "</p>\n" : "",
                      exchange->req.id);
}

static int send_plain(struct exchange *exchange, int status, const char *why, bool json)
{
    const char *reason = http_status_reason(status).at;
    if (json) /* `why` is gale's own sentence and holds nothing to escape */
        return gale_reply(&exchange->res, status, "application/json",
                          "{\"status\":%d,\"error\":\"%s\",\"why\":\"%s\",\"request\":\"%s\"}\n",
                          status, reason, why, exchange->req.id);
    return gale_reply(&exchange->res, status, "text/plain; charset=utf-8",
                      "%d %s\n%s%srequest %s\n", status, reason, why, *why ? "\n" : "",
                      exchange->req.id);
}

/* Browsers ask for HTML by name; who takes anything is a program and reads text. */
static int preferred_type(const struct gale_request *req)
{
    static const char *const types[] = {"text/plain", "text/html", "application/json"};
    return accept_type(request_joined(req, STR("Accept")), types, ARRAY_LEN(types));
}

int error_page_send(struct exchange *exchange, int status, const char *why)
{
    const struct error_page_file *page = find_page(exchange->errors, status);
    if (exchange->errors && exchange->errors->make) {
        int r = exchange->errors->make(exchange, status);
        if (r != -ENOENT)
            return r;
    }
    if (page)
        return gale_reply_str(&exchange->res, status, "text/html",
                              (struct gale_str){page->body, page->len});
    switch (preferred_type(&exchange->req)) {
    case 1:
        return send_html(exchange, status, why);
    case 2:
        return send_plain(exchange, status, why, true);
    default:
        return send_plain(exchange, status, why, false);
    }
}
