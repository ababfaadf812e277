"""Plugins that die in every way, for tests of crashes: texts for the `plugin` fixture."""

# /WAY dies that way; /here answers with the worker's pid; `set` keys die at other times: open,
# background, close. Each way to die stands in a function of its own, which reports name.
CRASH = r"""
#define _GNU_SOURCE
#include <gale/gale.h>
#include <alloca.h>
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART static __attribute__((noinline)) void

static volatile int sink;
static int *volatile nothing;
static void (*volatile no_code)(void);
static volatile int zero;

APART null(void) { *nothing = 1; }
APART jump(void) { no_code(); sink = 1; }
APART deep(int n) { volatile char room[512]; room[0] = (char)n; if (n >= 0) deep(n + 1); sink = room[0]; }
APART recursion(void) { deep(0); sink = 1; }
APART wide(size_t n) { volatile char *p = alloca(n); for (size_t i = n; i > 0; i -= 1024) p[i - 1] = 1; sink = p[0]; }
APART big_alloca(void) { wide(512 * 1024); sink = 1; }
APART heap(void) { char *volatile p = malloc(24); free(p); free(p); sink = 1; }
APART claim(void) { assert(zero == 4); }
APART aborts(void) { abort(); }
APART leave(void) { exit(3); }
APART leave_at_once(void) { _exit(4); }
APART kill_itself(void) { raise(SIGKILL); }
APART divide(void) { sink = 7 / zero; }
APART trap(void) { __builtin_trap(); }
APART wild(void) { *(volatile int *)(uintptr_t)0x4141414141414141 = 1; }
APART smash(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mov $0x5550, %rsp\n\tpush %rax");
#else
    __asm__ volatile("mov x9, #0x5550\n\tmov sp, x9\n\tstr x0, [sp, #-16]!");
#endif
}
APART scribble(void) { volatile char small[8]; for (int i = 0; i < 4000; i++) ((volatile char *)small)[i] = 'A'; }
static void *run(void *data) { (void)data; null(); return NULL; }
APART thread(void) { pthread_t t; pthread_create(&t, NULL, run, NULL); pthread_join(t, NULL); }
static void *run_deep(void *data) { (void)data; deep(0); return NULL; }
APART thread_stack(void) { pthread_t t; pthread_create(&t, NULL, run_deep, NULL); pthread_join(t, NULL); }
static void work(void *data) { (void)data; null(); }
APART offload(void) { gale_offload(work, NULL); }
static void later(void *data) { (void)data; gale_sleep(200); null(); }
APART spin(void) { while (!zero) sink++; }
APART block(void) { while (!zero) pause(); }

static const struct { const char *name; void (*die)(void); } ways[] = {
    {"null", null}, {"jump", jump}, {"recursion", recursion}, {"alloca", big_alloca},
    {"heap", heap}, {"assert", claim}, {"abort", aborts}, {"exit", leave},
    {"_exit", leave_at_once}, {"kill", kill_itself}, {"divide", divide}, {"trap", trap},
    {"wild", wild}, {"smash", smash}, {"scribble", scribble},
    {"thread", thread}, {"thread_stack", thread_stack}, {"offload", offload}, {"spin", spin},
    {"block", block},
};

static void die(const char *how)
{
    for (size_t i = 0; how && i < sizeof(ways) / sizeof(*ways); i++)
        if (strcmp(ways[i].name, how) == 0)
            ways[i].die();
}

static struct gale_app *self;
static const char *at_close;
static void *volatile kept;

static int open_crash(struct gale_app *app, void **out_state)
{
    (void)out_state;
    self = app;
    at_close = gale_setting(app, "close", NULL);
    die(gale_setting(app, "open", NULL));
    if (gale_setting(app, "background", NULL))
        return gale_spawn(app, later, NULL);
    return 0;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const char *way = gale_request_below(req).at + 1;
    (void)state;
    die(way);
    if (strcmp(way, "later") == 0)
        gale_spawn(self, later, NULL);
    if (strcmp(way, "slow") == 0)
        gale_sleep(20);
    if (strcmp(way, "grow") == 0)
        kept = memset(malloc(16 << 20), 1, 16 << 20);
    return gale_reply(res, 200, "text/plain", "%d\n", (int)getpid());
}

static void close_crash(void *state)
{
    (void)state;
    die(at_close);
}

static const char *const keys[] = {"open", "background", "close", NULL};

GALE_PLUGIN(p)
{
    p->name = "crash";
    p->keys = keys;
    p->open = open_crash;
    p->serve = serve;
    p->close = close_crash;
}
"""

# C++: an exception that nobody catches, one that leaves serve, statics and a thread-local with
# destructors, and a thread that never ends.
CRASH_CXX = r"""
#include <gale/gale.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <string.h>
#include <unistd.h>

namespace shop {

struct out_of_stock : std::runtime_error {
    out_of_stock() : std::runtime_error("no more socks") {}
};

struct lives_long {
    std::string text;
    lives_long() : text("I am here") {}
    ~lives_long() { text.clear(); }
};

static lives_long global;
static thread_local lives_long own;

static void *run_for_ever(void *)
{
    own.text += "!";
    for (;;)
        pause();
    return NULL;
}

__attribute__((noinline)) void sell() { throw out_of_stock(); }

}

static int open_shop(struct gale_app *, void **)
{
    pthread_t thread;
    pthread_create(&thread, NULL, shop::run_for_ever, NULL);
    pthread_detach(thread);
    return 0;
}

static int serve(void *, struct gale_request *req, struct gale_response *res)
{
    shop::own.text += ".";
    if (strcmp(gale_request_below(req).at, "/throw") == 0)
        shop::sell();
    return gale_reply(res, 200, "text/plain", "%d %s\n", (int)getpid(), shop::global.text.c_str());
}

GALE_PLUGIN(p)
{
    p->name = "shop";
    p->open = open_shop;
    p->serve = serve;
}
"""


def crash_app(path, name="shop", mount="/", **sets):
    """An [app] section that serves a plugin of these."""
    lines = [f"[app {name}]", f"mount = {mount}", f"plugin = {path}"]
    lines += [f"set {key} = {value}" for key, value in sets.items()]
    return "\n".join(lines)
