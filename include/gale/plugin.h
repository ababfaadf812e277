/* gale/plugin.h - what a plugin is: one exported function that returns a descriptor.
 *
 * The descriptor is versioned: gale refuses a plugin of another `abi`, takes one with a smaller
 * `size` (built against an older gale: what it does not know is off), and takes a larger one only
 * if everything beyond what this gale knows is zero. Flags that gale does not know are refused. */
#pragma once
#include <gale/macros.h>
#include <gale/str.h>
#include <stddef.h>
#include <stdint.h>

GALE_BEGIN

struct gale_app;
struct gale_request;
struct gale_response;

/* The version of this interface. It changes only when old plugins must be refused. */
#define GALE_ABI 1

/* What serve returns. Besides these: 400 to 599, "send that error page", with the headers set so
 * far that are not about content (Allow, Retry-After, WWW-Authenticate, ...); a negative errno, a
 * failure that is logged by its name and answered with 500, or with 503 where something ran out
 * that will be there again (-EAGAIN, -EMFILE, -ENFILE, -ENOSPC, -EDQUOT, -ENOMEM, -ENOBUFS), or
 * with 504 for -ETIMEDOUT. Anything else is logged as the plugin's fault and answered with 500.
 * Once the head of the response has left, an error can only cut the connection, so that the client
 * sees that the answer is not whole. */
enum {
    GALE_OK = 0,      /* answered; a response that nothing was written to is an empty one */
    GALE_DECLINE = 1, /* "not mine": the next app on this mount is tried, then the next shorter
                         mount. Allowed while no body was read and nothing was written. */
    GALE_RESERVED = 2 /* kept for a later version */
};

/* Flags of a plugin. */
#define GALE_BLOCKING ((uint64_t)1) /* serve blocks: each worker serves one request at a time */

struct gale_plugin {
    uint32_t abi;  /* set by GALE_PLUGIN */
    uint32_t size; /* set by GALE_PLUGIN */
    uint64_t flags;
    const char *name;
    const char *version; /* shown by `gale status`; may be NULL */

    /* Bytes of stack for each request; 0: 256 KiB. Below the stack lies a guard: too deep a
     * recursion is reported as such, with the app's name. */
    size_t stack_size;

    /* The keys that `set NAME = VALUE` may name in this app's section, ended by NULL. A key that
     * is not among them is a configuration error. NULL: none. */
    const char *const *keys;

    /* Called once in each worker before it serves, never on a task. *out_state is handed to the
     * others. Returns 0, or a negative errno: then the worker does not start, a reload is refused
     * and what gale_log said in open is shown to whoever asked. May be NULL. */
    int (*open)(struct gale_app *app, void **out_state);

    /* Answers one request, on a task of its own; many may run at the same time, taking turns at
     * the calls that wait. The only one that must be set. */
    int (*serve)(void *state, struct gale_request *req, struct gale_response *res);

    /* The worker takes no new requests from now on; those that run go on. Time to end background
     * work. May be NULL. */
    void (*drain)(void *state);

    /* The last call, after every request and background task has ended. May be NULL. */
    void (*close)(void *state);
};

/* Defines the plugin's entry point; the body fills in the descriptor:
 *     GALE_PLUGIN(p) { p->name = "hello"; p->serve = serve; }          */
#define GALE_PLUGIN(p)                                                                             \
    static void gale_plugin_describe(struct gale_plugin *p);                                       \
    GALE_C GALE_EXPORT const struct gale_plugin *gale_plugin_v1(void);                             \
    const struct gale_plugin *gale_plugin_v1(void)                                                 \
    {                                                                                              \
        static struct gale_plugin plugin;                                                          \
        plugin.abi = GALE_ABI;                                                                     \
        plugin.size = (uint32_t)sizeof(plugin);                                                    \
        gale_plugin_describe(&plugin);                                                             \
        return &plugin;                                                                            \
    }                                                                                              \
    static void gale_plugin_describe(struct gale_plugin *p)

/* The type of that entry point, named "gale_plugin_v1". */
typedef const struct gale_plugin *gale_plugin_fn(void);

/* ---- the app: one section [app NAME] of the configuration. open, task, thread ---- */

GALE_API const char *gale_app_name(const struct gale_app *app);
/* Its mount as in the configuration without a final slash: "" for "/", "/hello". */
GALE_API const char *gale_app_mount(const struct gale_app *app);
/* The value of `set NAME = VALUE`, or fallback. Lives as long as the app. */
GALE_API const char *gale_setting(const struct gale_app *app, const char *name,
                                  const char *fallback);
/* The same as a path: a relative one starts at the configuration's base. */
GALE_API const char *gale_setting_path(const struct gale_app *app, const char *name,
                                       const char *fallback);
/* The same as a number, with the units of the configuration (16K, 2M for bytes; 500ms, 30s, 5m as
 * milliseconds). Returns 0 and *out_value (fallback when unset), or -EINVAL after logging which
 * key holds what, so that open can simply return it. */
GALE_API int gale_setting_number(const struct gale_app *app, const char *name, int64_t fallback,
                                 int64_t *out_value);

/* The same as one of `choices` (ended by NULL): 0 and its index in *out_index (fallback when
 * unset), or -EINVAL after logging what is allowed. */
GALE_API int gale_setting_choice(const struct gale_app *app, const char *name,
                                 const char *const *choices, int fallback, int *out_index);
/* The same as yes or no (on, off, true, false): *out_flag is 1 or 0. */
GALE_API int gale_setting_flag(const struct gale_app *app, const char *name, int fallback,
                               int *out_flag);

/* `size` bytes of memory that outlives workers: the same for all workers and generations of this
 * app, zeroed when new or when the size changed (workers of the old size keep the old memory).
 * Use atomics in it. NULL with errno when it cannot be had. open; task (waits for the master). */
GALE_API void *gale_shared(struct gale_app *app, const char *name, size_t size);

/* ---- logging: one line in gale's error log, with the app and the request. thread ---- */

enum { GALE_ERROR, GALE_WARN, GALE_INFO, GALE_DEBUG };

GALE_API void gale_log(struct gale_app *app, int level, const char *format, ...) GALE_FORMAT(3, 4);
GALE_API void gale_log_str(struct gale_app *app, int level, struct gale_str text);

/* This gale's version, such as "0.5.0", and its GALE_ABI. */
GALE_API const char *gale_version(void);
GALE_API uint32_t gale_abi(void);

GALE_END
