/* handoff.c - finding the file that a reply names, and sending it. */
#include "adapters/gateway/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/gateway/reply.h"
#include "app/router.h"
#include "base/beneath.h"
#include "base/memory.h"
#include "base/setting.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/http_date.h"

/* ---- the folders ---- */

static int add_folder(struct handoff *handoff, const char *prefix, const char *path)
{
    int fd = path ? beneath_open_folder(path) : -1;
    if (path && fd < 0)
        return fd;
    handoff->folders[handoff->count++] = (struct handoff_folder){prefix, path, fd};
    return 0;
}

int handoff_open(struct handoff *handoff, const char *sendfile, const struct setting_pairs *accel,
                 const char **out_path)
{
    *handoff =
        (struct handoff){.folders = memory_zalloc((accel->len + 1) * sizeof(*handoff->folders))};
    *out_path = sendfile;
    int r = add_folder(handoff, "", sendfile);
    for (size_t i = 0; i < accel->len && r == 0; i++) {
        *out_path = accel->items[i].value;
        r = add_folder(handoff, accel->items[i].name, accel->items[i].value);
    }
    if (r < 0)
        handoff_close(handoff);
    return r;
}

void handoff_close(struct handoff *handoff)
{
    for (size_t i = 0; i < handoff->count; i++)
        if (handoff->folders[i].fd >= 0)
            close(handoff->folders[i].fd);
    free(handoff->folders);
    *handoff = (struct handoff){0};
}

/* The folder with the longest prefix that the path has, whole segments only. */
static const struct handoff_folder *find_folder(const struct handoff *handoff, struct gale_str path)
{
    const struct handoff_folder *found = NULL;
    size_t found_len = 0;
    for (size_t i = 1; i < handoff->count; i++) {
        struct gale_str prefix = str_of(handoff->folders[i].prefix);
        while (prefix.len && prefix.at[prefix.len - 1] == '/')
            prefix.len--;
        bool fits = str_starts_with(path, prefix) && path.at[prefix.len] == '/';
        if (!fits || (found && prefix.len < found_len))
            continue;
        found = &handoff->folders[i];
        found_len = prefix.len;
    }
    return found;
}

/* ---- the file ---- */

/* A reply that is answered with something else. */
struct errand {
    const struct handoff *handoff;
    const struct reply *reply;
    struct gale_request *req;
    struct gale_response *res;
    const char *why;
};

struct file {
    int fd;
    struct stat stat;
    char etag[64];
};

static int refuse(struct errand *errand, int status, const char *why)
{
    errand->why = why;
    return status;
}

static bool has_field(const struct reply *reply, struct gale_str name)
{
    for (size_t i = 0; i < reply->count; i++)
        if (str_equals_nocase(reply->fields[i].name, name))
            return true;
    return false;
}

/* The reply's own fields, and validators where it has none. Its length was another body's. */
static void apply(const struct errand *errand, struct file *file)
{
    struct reply reply = *errand->reply;
    char date[HTTP_DATE_LEN + 1];
    reply.length = -1;
    (void)reply_apply(&reply, errand->res);
    snprintf(file->etag, sizeof(file->etag), "\"%llx-%llx-%lx\"",
             (unsigned long long)file->stat.st_mtim.tv_sec, (unsigned long long)file->stat.st_size,
             (unsigned long)file->stat.st_mtim.tv_nsec);
    http_date_format(file->stat.st_mtim.tv_sec, date);
    if (!has_field(&reply, STR("ETag")))
        gale_response_header(errand->res, "ETag", file->etag);
    if (!has_field(&reply, STR("Last-Modified")))
        gale_response_header(errand->res, "Last-Modified", date);
}

/* Validators of the program's own are not looked into: conditions are judged by the file's. */
static int judge(const struct errand *errand, const struct file *file, int64_t *out_from,
                 int64_t *out_len)
{
    const struct gale_request *req = errand->req;
    int64_t modified = file->stat.st_mtim.tv_sec, size = file->stat.st_size;
    bool is_get = str_equals(req->head.method, STR("GET"));
    *out_from = 0;
    *out_len = size;
    if (errand->reply->status != 200 || !(is_get || str_equals(req->head.method, STR("HEAD"))))
        return errand->reply->status;
    int status = gale_request_check(req, file->etag, modified);
    if (status == 0)
        status = gale_request_range(req, file->etag, modified, size, out_from, out_len);
    return status;
}

/* `range` as Content-Range has it: what is sent of how much. */
static void say_range(const struct errand *errand, int status, const char *range, int64_t size)
{
    if (status == 206 || status == 416)
        gale_response_header(
            errand->res, "Content-Range",
            gale_request_printf(errand->req, "bytes %s/%lld", range, (long long)size));
}

static int send_file(const struct errand *errand, struct file *file)
{
    struct gale_request *req = errand->req;
    int64_t from, len;
    apply(errand, file);
    int status = judge(errand, file, &from, &len);
    long long first = from, last = from + len - 1;
    (void)gale_response_status(errand->res, status);
    say_range(errand, status,
              status == 416 ? "*" : gale_request_printf(req, "%lld-%lld", first, last),
              file->stat.st_size);
    if (status >= 300 && status != errand->reply->status)
        return 0; /* 304, 412 or 416 */
    gale_response_header(errand->res, "Content-Length",
                         gale_request_printf(req, "%lld", (long long)len));
    return gale_response_sendfile(errand->res, file->fd, from, len);
}

static int send_from(struct errand *errand, const struct handoff_folder *folder, const char *path)
{
    struct file file;
    /* Not blocking: what is named may be a pipe. */
    scoped_close int fd = beneath_open(folder->fd, path, O_RDONLY | O_NONBLOCK);
    if (fd == -ENOENT)
        return refuse(errand, 404, "it names a file that does not exist");
    if (fd == -EACCES)
        return refuse(errand, 403, "it names a file that may not be read or lies outside");
    if (fd < 0)
        return fd;
    file.fd = fd;
    if (fstat(fd, &file.stat) < 0)
        return -errno;
    if (!S_ISREG(file.stat.st_mode))
        return refuse(errand, 403, "it names what is no file");
    return send_file(errand, &file);
}

/* ---- the two fields ---- */

static int serve_send_file(struct errand *errand)
{
    const struct handoff_folder *folder = &errand->handoff->folders[0];
    struct gale_str path = errand->reply->send_file;
    if (!folder->path)
        return refuse(errand, 502, "an X-Sendfile, but the app has no `sendfile = FOLDER`");
    if (path.at[0] == '/') {
        struct gale_str root = str_of(folder->path);
        if (!str_starts_with(path, root) || path.at[root.len] != '/')
            return refuse(errand, 403, "an X-Sendfile outside of the app's `sendfile` folder");
        path.at += root.len;
    }
    return send_from(errand, folder, path.at);
}

static int serve_accel(struct errand *errand)
{
    struct arena *arena = exchange_of_request(errand->req)->arena;
    struct http_refusal refusal;
    struct target target;
    /* Programs write paths with and without escapes; what is no URL is taken as it stands. */
    struct gale_str path = errand->reply->accel;
    if (target_parse(STR("GET"), path, arena, &target, &refusal) == 0)
        path = target_decode_fully(target.path, arena);
    const struct handoff_folder *folder = find_folder(errand->handoff, path);
    if (!folder)
        return router_redirect(errand->req, errand->res, errand->reply->accel);
    return send_from(errand, folder, path.at + strlen(folder->prefix));
}

int handoff_serve(const struct handoff *handoff, const struct reply *reply,
                  struct gale_request *req, struct gale_response *res, const char **out_why)
{
    struct errand errand = {handoff, reply, req, res, NULL};
    int verdict = reply->send_file.len ? serve_send_file(&errand) : serve_accel(&errand);
    *out_why = errand.why;
    return verdict;
}
