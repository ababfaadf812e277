/* crashes.c - inquiries, each a `gale symbols` that reads a record and is listened to. */
#include "process/crashes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/board.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/timer.h"
#include "net/child_process.h"
#include "process/crash.h"
#include "process/dev_crash.h"
#include "process/identity.h"
#include "process/json.h"

enum { SYMBOLS_MAX = 256 * 1024, CPU_SECONDS = 10 };

struct inquiry {
    struct list link;
    struct crashes *crashes; /* borrowed */
    struct crash *crash;     /* owned */
    struct child_process child;
    bool has_child;
    int pipe; /* what it says; -1: closed */
    struct buffer said;
    struct timer timer;
    struct ioloop_call told; /* where there is nobody to ask */
    crashes_told_fn *on_told;
    void *data;
};

void crashes_init(struct crashes *crashes, struct ioloop *loop)
{
    *crashes = (struct crashes){.loop = loop};
    list_init(&crashes->pending);
    list_init(&crashes->kept);
}

/* ---- the last of each app ---- */

static void count(const struct crash *crash)
{
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%.48s\"", crash_app(crash));
    board_add(board_metric(BOARD_COUNTER, "gale_worker_crashes_total", labels,
                           "Workers that died by themselves, by the app that they were at."),
              1);
    board_set(board_metric(BOARD_GAUGE, "gale_worker_last_crash_seconds", labels,
                           "When that was last, in seconds since 1970."),
              crash->died_ms / 1000);
}

static struct crash_report *of_link(struct list *link)
{
    return container_of(link, struct crash_report, link);
}

static void forget(struct crashes *crashes, struct crash_report *report)
{
    list_remove(&report->link);
    crashes->kept_count--;
    free(report->app);
    free(report->members);
    free(report);
}

/* Takes the members. */
static struct crash_report *make_report(const char *app, char *members)
{
    struct crash_report *report = memory_zalloc(sizeof(*report));
    report->app = memory_copy(app, strlen(app));
    report->members = members;
    return report;
}

static char *members_of(const struct crash *crash)
{
    struct buffer text = {0};
    struct json json = {.out = &text};
    crash_write(crash, &json);
    return buffer_steal(&text);
}

static void keep(struct crashes *crashes, const struct crash *crash)
{
    struct crash_report *report = make_report(crash_app(crash), members_of(crash));
    report->died_ms = crash->died_ms;
    report->since_ms = crash->since_ms;
    report->count = 1;
    list_each (&crashes->kept, link) {
        if (strcmp(of_link(link)->app, report->app) != 0)
            continue;
        report->count += of_link(link)->count;
        forget(crashes, of_link(link));
        break;
    }
    list_prepend(&crashes->kept, &report->link);
    if (++crashes->kept_count > CRASHES_KEPT)
        forget(crashes, of_link(crashes->kept.prev));
}

void crashes_restore(struct crashes *crashes, const struct crash_report *as)
{
    if (crashes->kept_count >= CRASHES_KEPT)
        return;
    struct crash_report *report =
        make_report(as->app, memory_copy(as->members, strlen(as->members)));
    report->died_ms = as->died_ms;
    report->since_ms = as->since_ms;
    report->count = as->count;
    list_append(&crashes->kept, &report->link);
    crashes->kept_count++;
}

static void write_report(const struct crash_report *report, struct json *json)
{
    json_open(json, NULL, '{');
    json_text(json, "app", report->app);
    json_number(json, "count", (int64_t)report->count);
    json_number(json, "time_ms", report->died_ms);
    json_number(json, "age_ms", clock_mono_ms() - report->since_ms);
    json_members(json, report->members);
    json_close(json, '}');
}

void crashes_write(const struct crashes *crashes, struct json *json)
{
    json_open(json, "crashes", '[');
    list_each (&crashes->kept, link)
        write_report(of_link(link), json);
    json_close(json, ']');
}

/* ---- an inquiry's end ---- */

static void close_inquiry(struct inquiry *inquiry)
{
    struct ioloop *loop = inquiry->crashes->loop;
    ioloop_undefer(loop, &inquiry->told);
    timer_stop(loop, &inquiry->timer);
    if (inquiry->pipe >= 0)
        ioloop_close(loop, steal_fd(&inquiry->pipe));
    if (inquiry->has_child)
        child_process_close(&inquiry->child);
    list_remove(&inquiry->link);
    inquiry->crashes->pending_count--;
}

/* It is told whatever became known. */
static void conclude(struct inquiry *inquiry, bool is_heard)
{
    struct crash *crash = inquiry->crash;
    struct gale_str said = buffer_str(&inquiry->said);
    close_inquiry(inquiry);
    crash_add_symbols(crash, said.at, said.len);
    buffer_finish(&inquiry->said);
    if (inquiry->crashes->dev)
        dev_crash_tell(inquiry->crashes->dev, crash);
    else
        crash_log(crash);
    count(crash);
    keep(inquiry->crashes, crash);
    if (is_heard && inquiry->on_told)
        inquiry->on_told(inquiry->data, crash);
    crash_free(crash);
    free(inquiry);
}

void crashes_conclude(struct crashes *crashes)
{
    while (!list_is_empty(&crashes->pending))
        conclude(container_of(crashes->pending.next, struct inquiry, link), true);
}

void crashes_finish(struct crashes *crashes)
{
    if (!crashes->loop)
        return;
    while (!list_is_empty(&crashes->pending))
        conclude(container_of(crashes->pending.next, struct inquiry, link), false);
    while (!list_is_empty(&crashes->kept))
        forget(crashes, of_link(crashes->kept.next));
}

/* ---- asking ---- */

static void on_time(void *data)
{
    conclude(data, true);
}

static void on_said(void *data, unsigned events)
{
    struct inquiry *inquiry = data;
    char *to = buffer_reserve(&inquiry->said, 4096);
    (void)events;
    ssize_t n = read(inquiry->pipe, to, 4096);
    if (n > 0) {
        inquiry->said.len += (size_t)n;
        to[n] = 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || inquiry->said.len > SYMBOLS_MAX)
        conclude(inquiry, true);
}

static void on_child_end(void *data)
{
    (void)data; /* the end of its pipe tells more */
}

/* The record as a file for the child's standard input. */
static int store(const struct crash_record *record)
{
    scoped_close int fd = memfd_create("gale-crash", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, record, sizeof(*record), 0) != sizeof(*record))
        return -errno;
    return steal_fd(&fd);
}

static int spawn(struct inquiry *inquiry, const struct identity *identity, int in, int out)
{
    char uid[16] = "", gid[16] = "";
    bool is_changed = identity && identity->is_changed;
    const char *const argv[] = {"gale",
                                "symbols",
                                is_changed ? uid : NULL,
                                gid,
                                is_changed && identity->user ? identity->user : "",
                                NULL};
    static const char *const envp[] = {NULL}; /* no debuginfod: that would go out for files */
    const struct child_options options = {
        .program = "/proc/self/exe",
        .argv = argv,
        .envp = envp,
        .in = in,
        .out = out,
        .err = -1,
        .limits = {.cpu_seconds = CPU_SECONDS},
    };
    if (is_changed) {
        snprintf(uid, sizeof(uid), "%u", identity->uid);
        snprintf(gid, sizeof(gid), "%u", identity->gid);
    }
    return child_process_spawn(&inquiry->child, &options);
}

static int ask(struct inquiry *inquiry, const struct identity *identity)
{
    struct ioloop *loop = inquiry->crashes->loop;
    int ends[2];
    scoped_close int in = store(&inquiry->crash->record);
    if (in < 0)
        return in;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    inquiry->pipe = ends[0];
    int r = spawn(inquiry, identity, in, ends[1]);
    close(ends[1]);
    if (r < 0)
        return r;
    inquiry->has_child = true;
    child_process_watch(&inquiry->child, loop, on_child_end, inquiry);
    timer_start(loop, &inquiry->timer, CRASHES_ASKED_MS);
    return ioloop_watch(loop, inquiry->pipe, IOLOOP_READ, on_said, inquiry);
}

void crashes_add(struct crashes *crashes, struct crash *crash, const struct identity *identity,
                 crashes_told_fn *on_told, void *data)
{
    struct inquiry *inquiry = memory_zalloc(sizeof(*inquiry));
    *inquiry = (struct inquiry){
        .crashes = crashes, .crash = crash, .pipe = -1, .on_told = on_told, .data = data};
    inquiry->timer = (struct timer){.fn = on_time, .data = inquiry};
    inquiry->told = (struct ioloop_call){.fn = on_time, .data = inquiry};
    list_append(&crashes->pending, &inquiry->link);
    bool is_askable = crash->frame_count && crashes->pending_count < CRASHES_PENDING;
    crashes->pending_count++;
    if (!is_askable || ask(inquiry, identity) < 0)
        ioloop_defer(crashes->loop, &inquiry->told);
}
