/* control.c - who may speak, and a table of what they may ask. */
#include "process/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/gale.h>
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "net/message_socket.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/instance.h"
#include "process/json.h"
#include "process/master_private.h"
#include "process/status.h"
#include "process/upgrade.h"

/* ---- answers ---- */

static int reply(struct gale_response *res, int status, const char *type, struct buffer *body)
{
    int r = gale_reply_str(res, status, type, buffer_str(body));
    buffer_finish(body);
    return r;
}

static int answer_status(struct master *master, struct gale_request *req, struct gale_response *res)
{
    struct buffer body = {0};
    (void)req;
    status_write(master, &body);
    return reply(res, 200, "application/json", &body);
}

static int answer_metrics(struct master *master, struct gale_request *req,
                          struct gale_response *res)
{
    struct buffer body = {0};
    (void)master;
    (void)req;
    status_write_metrics(&body);
    return reply(res, 200, "text/plain; version=0.0.4", &body);
}

static int reload(struct master *master, struct gale_response *res)
{
    struct reload_result result = {0};
    struct buffer body = {0};
    struct json json = {.out = &body};
    int r = reload_wait(master, &result);
    if (r < 0 && r != -ESHUTDOWN)
        return r;
    json_open(&json, NULL, '{');
    json_flag(&json, "ok", r == 0 && result.is_ok);
    json_number(&json, "generation", (int64_t)result.generation);
    json_number(&json, "ms", result.ms);
    json_text(&json, "text", r == 0 ? result.text : "gale is stopping");
    json_close(&json, '}');
    buffer_add(&body, "\n", 1);
    free(result.text);
    return reply(res, r == 0 && result.is_ok ? 200 : 409, "application/json", &body);
}

static int answer_reload(struct master *master, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return reload(master, res);
}

static int answer_rollback(struct master *master, struct gale_request *req,
                           struct gale_response *res)
{
    scoped_free char *why = NULL;
    (void)req;
    if (rollback_want(master, &why) == 0)
        return reload(master, res);
    int64_t number = master->front->live ? (int64_t)master->front->live->number : 0;
    return gale_reply(res, 409, "application/json",
                      "{\"ok\":false,\"generation\":%lld,\"ms\":0,\"text\":\"%s\"}\n",
                      (long long)number, why);
}

static int answer_stop(struct master *master, struct gale_request *req, struct gale_response *res)
{
    const char *mode = gale_request_query(req, "mode", "quick");
    bool is_graceful = strcmp(mode, "graceful") == 0;
    if (!is_graceful && strcmp(mode, "quick") != 0)
        return gale_reply(res, 400, "application/json",
                          "{\"ok\":false,\"text\":\"mode is quick or graceful\"}\n");
    int r = gale_reply(res, 202, "application/json", "{\"ok\":true,\"pid\":%d}\n", (int)getpid());
    (void)gale_response_flush(res);
    master_stop(master, is_graceful ? MASTER_STOPS_GRACEFULLY : MASTER_STOPS_NOW);
    return r;
}

static int answer_upgrade(struct master *master, struct gale_request *req,
                          struct gale_response *res)
{
    struct buffer body = {0};
    struct json json = {.out = &body};
    scoped_free char *why = NULL;
    (void)req;
    bool is_ready = master->stop == MASTER_RUNS && master->front->live &&
                    !master->reloads.is_running && !master->become.is_queued;
    if (!is_ready)
        why = memory_printf("gale is starting, reloading or stopping; try again");
    int r = is_ready ? upgrade_try(master, &why) : -EBUSY;
    if (r == -ECANCELED && !why)
        return r;
    if (r == 0 && (master->reloads.is_running || master->stop != MASTER_RUNS)) {
        why = memory_printf("meanwhile gale was told to reload or to stop; try again");
        r = -EBUSY;
    }
    json_open(&json, NULL, '{');
    json_flag(&json, "ok", r == 0);
    json_text(&json, "text", why);
    json_close(&json, '}');
    buffer_add(&body, "\n", 1);
    int answered = reply(res, r == 0 ? 202 : 409, "application/json", &body);
    (void)gale_response_flush(res);
    if (r == 0)
        ioloop_defer(master->loop, &master->become);
    return answered;
}

static int answer_reopen(struct master *master, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    master_reopen_logs(master);
    return gale_reply(res, 200, "application/json", "{\"ok\":true}\n");
}

static const struct {
    const char *method, *path;
    int (*answer)(struct master *, struct gale_request *, struct gale_response *);
} answers[] = {
    {"GET", "/status", answer_status},    {"GET", "/metrics", answer_metrics},
    {"POST", "/reload", answer_reload},   {"POST", "/rollback", answer_rollback},
    {"POST", "/stop", answer_stop},       {"POST", "/reopen", answer_reopen},
    {"POST", "/upgrade", answer_upgrade},
};

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str path = gale_request_path(req), method = gale_request_method(req);
    if (str_equals(method, STR("HEAD"))) /* the front leaves the body out */
        method = STR("GET");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (!str_equals(path, str_of(answers[i].path)))
            continue;
        if (str_equals(method, str_of(answers[i].method)))
            return answers[i].answer(data, req, res);
        (void)gale_response_header(res, "Allow", answers[i].method);
        return gale_reply(res, 405, "application/json",
                          "{\"ok\":false,\"text\":\"%s is for %s\"}\n", answers[i].path,
                          answers[i].method);
    }
    return 404;
}

/* ---- who may speak ---- */

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    struct control *control = data;
    uid_t uid;
    pid_t pid;
    (void)local;
    if (message_socket_peer(fd, &uid, &pid) == 0 && (uid == 0 || uid == geteuid())) {
        http_server_accept(&control->http, fd, peer, NULL);
        return;
    }
    log_warn("somebody else's process asked the control socket", LOG_NUMBER("uid", uid),
             LOG_NUMBER("from", pid));
    close(fd);
}

/* ---- opening and closing ---- */

static uint64_t inode_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? (uint64_t)info.st_ino : 0;
}

static int choose_path(const char *configured, const char *name, char out[INSTANCE_PATH])
{
    char folder[INSTANCE_PATH];
    if (configured && strlen(configured) >= INSTANCE_PATH)
        return -ENAMETOOLONG;
    if (configured) {
        strcpy(out, configured);
        return 0;
    }
    if (!instance_path(name, out) || !instance_folder(folder))
        return -ENAMETOOLONG;
    return instance_make_folder(folder);
}

static char *explain(const char *path, int r)
{
    pid_t pid;
    if (r == -EADDRINUSE && message_socket_is_served(path, &pid))
        return memory_printf("this configuration is served already, by pid %d: `gale reload` lets "
                             "it read its files again, `gale stop` ends it",
                             (int)pid);
    if (r == -EADDRINUSE)
        return memory_printf("control socket %s: there is another file of that name", path);
    return memory_printf("control socket %s: %s; choose another place with `control` in [server]",
                         path, strerror(-r));
}

static int listen_at(const char *path)
{
    struct endpoint endpoint;
    scoped_free char *text = memory_printf("unix:%s", path);
    int r = endpoint_parse(str_of(text), &endpoint);
    return r < 0 ? r : tcp_listen(&endpoint, false, 0600, 128);
}

int control_open(struct master *master, const char *configured, const char *name, char **out_error)
{
    char path[INSTANCE_PATH] = "";
    int fd = choose_path(configured, name, path);
    if (fd == 0)
        fd = listen_at(path);
    if (fd < 0) {
        *out_error = explain(*path ? path : configured ? configured : name, fd);
        return fd == -EADDRINUSE ? -EEXIST : fd;
    }
    control_restore(master, path, inode_of(path), fd);
    return 0;
}

void control_restore(struct master *master, const char *path, uint64_t inode, int fd)
{
    struct control *control = &master->control;
    control->path = memory_copy(path, strlen(path));
    control->inode = inode;
    control->fd = fd;
    http_settings_init(&control->settings);
    http_server_init(&control->http, master->loop, &control->settings, serve, master);
    /* What the owner asks is no traffic: -1 counts nowhere. */
    memset(&control->http.counters, 0xFF, sizeof(control->http.counters));
    control->http.tcp.on_stream = on_stream;
    control->http.tcp.data = control;
    (void)tcp_server_add(&control->http.tcp, fd, true);
}

void control_close(struct master *master)
{
    struct control *control = &master->control;
    if (!control->path)
        return;
    if (inode_of(control->path) == control->inode)
        (void)unlink(control->path);
    http_server_drain(&control->http);
    (void)http_server_close(&control->http);
    /* What still runs ends now that its client is gone. */
    for (int turns = 0; turns < 100 && !http_server_is_empty(&control->http); turns++)
        (void)ioloop_turn(master->loop, 10);
    free(control->path);
    control->path = NULL;
}
