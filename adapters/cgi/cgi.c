/* cgi.c - one request, from its path to what came of the program. */
#include "adapters/cgi/cgi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "adapters/cgi/cgi_environment.h"
#include "adapters/cgi/cgi_feed.h"
#include "adapters/cgi/cgi_find.h"
#include "adapters/cgi/cgi_run.h"
#include "adapters/cgi/cgi_settings.h"
#include "adapters/gateway/answer.h"
#include "adapters/gateway/relay.h"
#include "app/app.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/beneath.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "http/error_page.h"
#include "http/exchange.h"
#include "loop/task.h"

enum {
    BLOCK = 32 * 1024,
    LINGER_MS = 2, /* output is kept back for so long: most programs write once and end */
};

/* A request while it is served. */
struct serving {
    struct cgi *cgi;
    struct gale_request *req;
    struct gale_response *res;
    struct cgi_program program;
    struct cgi_feed feed;
    struct cgi_run *run;
    struct answer answer;
    char *block; /* output that was read and not passed on */
    size_t len;
    int64_t since_ms; /* when the first of it came */
    bool may_relay;   /* the app has a buffer for slow clients, not in use yet */
    bool is_relayed;  /* it is in use: output goes there */
    struct relay relay;
    const char *ended; /* how the program did */
    char ended_text[64];
};

/* ---- failures: each has one line in the log and a status ---- */

static int fail(struct serving *serving, int status, const char *why, const char *ended)
{
    board_add(serving->cgi->failed, 1);
    if (status == 503 &&
        !log_ration_take(&serving->cgi->refusals, "programs that were not started"))
        return status;
    log_error("CGI program failed", LOG_TEXT("app", serving->cgi->app), LOG_TEXT("why", why),
              LOG_TEXT("ended", ended), answer_status(serving->req, serving->res, status),
              LOG_TEXT("program", serving->program.path),
              LOG_STR("request", serving->req->head.target), LOG_TEXT("id", serving->req->id));
    return status;
}

static int fail_busy(struct serving *serving, const char *why)
{
    (void)fail(serving, 503, why, "not started");
    gale_response_header(serving->res, "Retry-After", "1");
    return error_page_send(exchange_of_request(serving->req), 503, "");
}

static bool is_shortage(int error)
{
    return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

static int fail_start(struct serving *serving, int error)
{
    const char *why = gale_request_printf(serving->req, "it could not be started: %s (%s)",
                                          strerror(-error), log_errno_name(error));
    bool may_run = error != -EACCES;
    if (is_shortage(error))
        return fail_busy(serving, why);
    if (error == -E2BIG) /* of all that is in it, only the request's fields can be so long */
        return fail(serving, 431, why, "not started");
    return fail(serving, may_run ? 502 : 403, why, "not started");
}

/* ---- output ---- */

static int pass_on(struct serving *serving)
{
    size_t len = serving->len;
    serving->len = 0;
    return serving->is_relayed ? relay_put(&serving->relay, serving->block, len)
                               : answer_take(&serving->answer, serving->block, len);
}

/* Whether the header block is there and what follows is to be kept for a slow client. */
static bool wants_relay(const struct serving *serving)
{
    return serving->may_relay && serving->answer.state == ANSWER_BODY;
}

/* Nothing can be read now. What was read is passed on soon, and before a long wait. */
static int wait_output(struct serving *serving)
{
    struct cgi_run *run = serving->run;
    if (serving->feed.has_failed)
        return serving->feed.error;
    if (!serving->len)
        return cgi_run_wait(run);
    int64_t left_ms = serving->since_ms + LINGER_MS - ioloop_now_ms(run->loop);
    return left_ms > 0 ? cgi_run_linger(run, left_ms) : pass_on(serving);
}

static int take(struct serving *serving, size_t n)
{
    if (!serving->len)
        serving->since_ms = ioloop_now_ms(serving->run->loop);
    serving->len += n;
    int r = serving->len == BLOCK ? pass_on(serving) : 0;
    return r < 0 ? r : task_spend(n);
}

/* Reads to the end of the output; the last of it is not passed on yet. Returns 0, 1 where the rest
 * is for the relay, or -errno. */
static int pump(struct serving *serving)
{
    while (!wants_relay(serving)) {
        ssize_t n = cgi_run_read(serving->run, serving->block + serving->len, BLOCK - serving->len);
        if (n == 0)
            return 0;
        int r = n > 0 ? take(serving, (size_t)n) : n == -EAGAIN ? wait_output(serving) : (int)n;
        if (r < 0)
            return r == -ENODATA ? 0 : r;
    }
    return 1;
}

/* ---- one run ---- */

static const char *describe_end(struct serving *serving)
{
    const struct cgi_run *run = serving->run;
    if (!run->child.has_ended)
        return "still running";
    return child_process_describe(run->child.status, serving->ended_text,
                                  sizeof(serving->ended_text));
}

/* What the end of the program says of its answer, which may look whole. */
static int judge_end(struct serving *serving, const char *ended)
{
    const struct child_process *child = &serving->run->child;
    if (serving->run->is_expired)
        return fail(serving, 504, "it ran for longer than run_timeout", ended);
    if (child->has_ended && WIFSIGNALED(child->status))
        return fail(serving, 502, "it was killed before its answer was whole", ended);
    if (child->has_ended && child->status)
        log_info("CGI program answered and then ended in failure",
                 LOG_TEXT("app", serving->cgi->app), LOG_TEXT("ended", ended),
                 LOG_TEXT("program", serving->program.path), LOG_TEXT("id", serving->req->id));
    return 0;
}

static int fail_pump(struct serving *serving, int error, const char *ended)
{
    if (error == -ETIME)
        return fail(serving, 504,
                    serving->run->is_expired ? "it ran for longer than run_timeout"
                                             : "it made no progress for read_timeout",
                    ended);
    if (error == -EBADMSG && !serving->feed.has_failed)
        return fail(serving, 502, serving->answer.why, ended);
    return error; /* the client's doing, or the task's: not the program's */
}

/* The output has ended, or reading it has failed with `r`: the program's end, and leave of it. */
static int finish_run(struct serving *serving, int r)
{
    cgi_feed_stop(&serving->feed);
    if (r == 0)
        r = cgi_run_wait_end(serving->run);
    serving->ended = describe_end(serving);
    if (r == 0)
        r = judge_end(serving, serving->ended);
    if (r == 0)
        r = pass_on(serving);
    if (r < 0)
        r = fail_pump(serving, r, serving->ended);
    /* It may go on only if it has answered itself; a redirect may need its place. */
    cgi_run_release(serving->run, r != 0 || serving->answer.state != ANSWER_BODY);
    return r;
}

/* On a task of its own: everything but the header block. */
static int read_for_relay(void *data)
{
    struct serving *serving = data;
    serving->run->reader = task_current();
    return finish_run(serving, pump(serving));
}

static int take_from_relay(void *data, const char *at, size_t len)
{
    struct serving *serving = data;
    return answer_take(&serving->answer, at, len);
}

static int relay(struct serving *serving)
{
    const struct relay_ends ends = {read_for_relay, take_from_relay, serving};
    serving->may_relay = false;
    serving->is_relayed = true;
    int r = relay_run(&serving->relay, &ends, serving->cgi->settings->buffer,
                      &exchange_of_request(serving->req)->label);
    if (serving->relay.has_read)
        return r == -EBADMSG && serving->answer.why
                   ? fail(serving, 502, serving->answer.why, serving->ended)
                   : r;
    /* There is no task for it, or this one was cancelled before that began. */
    serving->is_relayed = false;
    return r == -EAGAIN ? finish_run(serving, pump(serving)) : finish_run(serving, r);
}

static int finish(struct serving *serving)
{
    int r = pump(serving);
    r = r > 0 ? relay(serving) : finish_run(serving, r);
    if (r != 0)
        return r;
    r = answer_end(&serving->answer);
    return serving->answer.why ? fail(serving, r, serving->answer.why, serving->ended) : r;
}

static int start(struct serving *serving)
{
    struct gale_request *req = serving->req;
    struct arena *arena = exchange_of_request(req)->arena;
    const char *const *argv = cgi_arguments(&serving->program, arena);
    const struct cgi_start start = {
        .program = argv[0],
        .path = serving->program.path,
        .folder = serving->program.folder,
        .argv = argv,
        .envp = cgi_environment(serving->cgi->settings, serving->cgi->passed, &serving->program,
                                req, serving->feed.body.length),
        .has_input = serving->feed.body.length > 0,
        .id = gale_request_id(req),
    };
    int r = governor_enter(&serving->cgi->governor, serving->cgi->settings->queue_timeout_ms);
    if (r == -EBUSY)
        return fail_busy(serving, "so many run already and the queue is full");
    if (r == -ETIMEDOUT && task_may_wait(task_current()) == 0)
        return fail_busy(serving, "its request waited in the queue for too long");
    if (r < 0)
        return r;
    r = cgi_run_start(serving->cgi, &start, &serving->run);
    if (r == 0)
        return 0;
    governor_leave(&serving->cgi->governor);
    return fail_start(serving, r);
}

static int run(struct serving *serving)
{
    serving->answer.is_nph = serving->program.is_nph;
    int r = start(serving);
    if (!serving->run)
        return r;
    r = cgi_feed_start(&serving->feed, serving->run, &exchange_of_request(serving->req)->label);
    if (r == 0)
        return finish(serving);
    cgi_run_release(serving->run, true);
    return fail_start(serving, r);
}

static int serve_program(struct serving *serving)
{
    int r = cgi_feed_begin(&serving->feed, serving->req);
    if (r == 0) {
        answer_begin(&serving->answer, serving->req, serving->res, &serving->cgi->handoff);
        serving->block = memory_alloc(BLOCK);
        r = run(serving);
        free(serving->block);
        answer_finish(&serving->answer);
    }
    cgi_feed_finish(&serving->feed);
    return r;
}

/* ---- which program ---- */

/* Relative to what was asked: its path could be read as another host's name. */
static int add_slash(struct serving *serving)
{
    const struct gale_request *req = serving->req;
    const char *last = strrchr(req->target.raw_path.at, '/') + 1;
    bool is_get =
        str_equals(req->head.method, STR("GET")) || str_equals(req->head.method, STR("HEAD"));
    return gale_redirect(serving->res, is_get ? 301 : 308,
                         gale_request_printf(serving->req, "./%s/%s%s", last,
                                             req->target.has_query ? "?" : "",
                                             req->target.query.at));
}

static int find_program(struct serving *serving)
{
    struct cgi *cgi = serving->cgi;
    struct gale_request *req = serving->req;
    struct arena *arena = exchange_of_request(req)->arena;
    int found = cgi_find(cgi->settings, cgi->folder, req->below, arena, &serving->program);
    if (found != CGI_NOTHING || !beneath_find_again(&cgi->folder, cgi->settings->cgi))
        return found;
    log_warn("the folder of programs had been deleted; the one that is there now is served",
             LOG_TEXT("app", cgi->app), LOG_TEXT("folder", cgi->settings->cgi));
    return cgi_find(cgi->settings, cgi->folder, req->below, arena, &serving->program);
}

static int cgi_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    struct cgi *cgi = app->state;
    struct serving serving = {
        .cgi = cgi, .req = req, .res = res, .may_relay = cgi->settings->buffer > 0};
    int found = find_program(&serving);
    switch (found) {
    case CGI_FOUND:
        return serve_program(&serving);
    case CGI_NOTHING:
        return GALE_DECLINE;
    case CGI_NO_SLASH:
        return add_slash(&serving);
    case CGI_FORBIDDEN:
        log_warn("what a path names may not be run", LOG_TEXT("app", cgi->app),
                 LOG_STR("path", req->target.path), LOG_TEXT("id", req->id));
        return 403;
    default:
        return found;
    }
}

/* ---- open and close ---- */

static int open_folder(struct cgi *cgi)
{
    struct stat st;
    cgi->folder = -1;
    if (stat(cgi->settings->cgi, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return 0;
    cgi->folder = beneath_open_folder(cgi->settings->cgi);
    return cgi->folder < 0 ? cgi->folder : 0;
}

static void count(struct cgi *cgi)
{
    const struct cgi_settings *settings = cgi->settings;
    scoped_free char *labels = memory_printf("app=\"%s\"", cgi->app);
    governor_init(&cgi->governor, "gale_cgi_processes", labels, (uint64_t)settings->processes,
                  (uint64_t)settings->queue);
    cgi->started = board_metric(BOARD_COUNTER, "gale_cgi_started_total", labels,
                                "CGI programs that were started.");
    cgi->failed = board_metric(BOARD_COUNTER, "gale_cgi_failed_total", labels,
                               "Requests that a CGI program failed to answer.");
}

static void cgi_close(struct gale_app *app)
{
    struct cgi *cgi = app->state;
    list_each (&cgi->runs, link)
        cgi_run_destroy(container_of(link, struct cgi_run, link));
    handoff_close(&cgi->handoff);
    if (cgi->folder >= 0)
        close(cgi->folder);
    free(cgi->passed);
    free(cgi);
}

static int cgi_open(struct gale_app *app)
{
    struct cgi *cgi = memory_zalloc(sizeof(*cgi));
    const char *why = NULL, *path;
    cgi->app = app->config->name;
    cgi->settings = app->config->settings;
    cgi->log.app = cgi->app;
    list_init(&cgi->runs);
    app->state = cgi;
    app->title = cgi->settings->cgi;
    path = cgi->settings->cgi;
    int r = open_folder(cgi);
    if (r == 0)
        r = handoff_open(&cgi->handoff, cgi->settings->sendfile, &cgi->settings->accel, &path);
    if (r == 0)
        r = cgi_user(cgi->settings, &cgi->has_user, &cgi->uid, &cgi->gid, &why);
    if (r < 0) {
        (void)app_fail(app, r, "%s: %s", why ? "user" : path, why ? why : strerror(-r));
        cgi_close(app);
        return r;
    }
    cgi->passed = cgi_environment_pass(cgi->settings);
    count(cgi);
    return 0;
}

const struct adapter cgi_adapter = {
    .name = "cgi",
    .table = cgi_table,
    .settings_size = sizeof(struct cgi_settings),
    .check = cgi_check,
    .open = cgi_open,
    .serve = cgi_serve,
    .close = cgi_close,
};
