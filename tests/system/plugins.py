"""Plugins that tests of processes serve: C texts for the `plugin` fixture."""

# Answers with its worker's pid; /slow?ms=N waits first; /crash dies; /spin?ms=N holds the loop;
# /block holds it for ever; /count counts in memory that is shared. The gauge probe_running counts
# the requests that it is at, for Gale.wait_for_running.
PROBE = r"""
#include <gale/gale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct probe { const char *version; long *count; int running; };

static int open_probe(struct gale_app *app, void **out_state)
{
    static const char *const modes[] = {"fail", "crash", "hang", "exit"};
    struct probe *probe = calloc(1, sizeof(*probe));
    const char *mode = gale_setting(app, "open", "");
    probe->version = gale_setting(app, "version", "1");
    if (strcmp(mode, modes[0]) == 0) {
        gale_log(app, GALE_ERROR, "the database is not there");
        free(probe);
        return -5;
    }
    if (strcmp(mode, modes[1]) == 0)
        abort();
    if (strcmp(mode, modes[2]) == 0)
        for (;;)
            pause();
    if (strcmp(mode, modes[3]) == 0)
        _exit(9);
    const char *size = gale_setting(app, "shared", NULL);
    if (size && !(probe->count = gale_shared(app, "count", (size_t)atol(size))))
        return -12;
    probe->running = gale_gauge(app, "probe_running", "Requests that the probe is at.");
    *out_state = probe;
    return 0;
}

static void spin(long ms)
{
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
}

static int answer(struct probe *probe, struct gale_request *req, struct gale_response *res)
{
    const char *path = gale_request_below(req).at;
    long ms = atol(gale_request_query(req, "ms", "0"));
    if (strcmp(path, "/slow") == 0 && gale_sleep(ms) < 0)
        return 503;
    if (strcmp(path, "/crash") == 0)
        abort();
    if (strcmp(path, "/spin") == 0)
        spin(ms);
    if (strcmp(path, "/block") == 0)
        for (;;)
            pause();
    if (strcmp(path, "/count") == 0)
        return gale_reply(res, 200, "text/plain", "%ld\n",
                          __atomic_add_fetch(probe->count, 1, __ATOMIC_SEQ_CST));
    if (strcmp(path, "/uid") == 0)
        return gale_reply(res, 200, "text/plain", "%d %d %d\n", (int)getuid(), (int)getgid(),
                          getgroups(0, NULL));
    return gale_reply(res, 200, "text/plain", "%d version %s\n", (int)getpid(), probe->version);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct probe *probe = state;
    gale_metric_add(probe->running, 1);
    int r = answer(probe, req, res);
    gale_metric_add(probe->running, -1);
    return r;
}

static void close_probe(void *state)
{
    free(state);
}

static const char *const keys[] = {"open", "version", "shared", NULL};

GALE_PLUGIN(p)
{
    p->name = "probe";
    p->keys = keys;
    p->open = open_probe;
    p->serve = serve;
    p->close = close_probe;
}
"""


def probe_app(path, **sets):
    """An [app] section that serves the probe at /."""
    lines = ["[app probe]", "mount = /", f"plugin = {path}"]
    lines += [f"set {name} = {value}" for name, value in sets.items()]
    return "\n".join(lines)
