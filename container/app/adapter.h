/* adapter.h - what can be hosted, as rows of one table: plugin, CGI, FastCGI.
 *
 * An adapter has the verbs that a plugin has, and uses the same request and response functions as a
 * plugin; there is no second interface. The key of its name in [app NAME] chooses it. */
#pragma once
#include <stdbool.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

struct app_config;
struct arena;
struct gale_app;
struct gale_request;
struct gale_response;
struct setting;
struct setting_errors;

/* What the master starts for an app and keeps running: so many processes of one program, all with
 * the same listening unix socket as descriptor 0. */
struct app_servers {
    const char *program;     /* absolute */
    const char *const *argv; /* both ended by NULL */
    const char *const *envp; /* the whole environment */
    const char *folder;      /* where they run */
    const char *user;        /* NULL: that of the workers */
    int64_t processes;
    int64_t grace_ms; /* between TERM and KILL */
};

struct adapter {
    const char *name;            /* "plugin": also the key whose presence chooses it */
    const struct setting *table; /* its keys in the section, that one among them */
    size_t settings_size;        /* of the struct that the table fills */
    /* Looks at the settings and nothing else: no process, no socket, no code of others; files may
     * be looked at. Adds what is wrong to errors. May be NULL. */
    void (*check)(const struct app_config *config, struct setting_errors *errors);
    /* Whether the app wants servers, and which: all on the arena, since they may outlive the
     * configuration. Called after a check without errors. Their socket is config->servers_fd when
     * the app is opened. May be NULL. */
    bool (*servers)(const struct app_config *config, struct arena *arena,
                    struct app_servers *out_servers);
    /* The file of code that the app loads, so that the master can copy it aside and watch it.
     * Returns 0, or -errno where there is none. NULL: such apps load none. */
    int (*file)(const struct app_config *config, char out_path[PATH_MAX]);
    /* Calls fn for each file whose change makes another app of it. May be NULL: there is none. */
    void (*each_file)(const struct app_config *config, void (*fn)(void *data, const char *path),
                      void *data);
    /* The folder whose files it serves as they are. Returns 0, or -errno where there is none. NULL:
     * no app does. */
    int (*folder)(const struct app_config *config, char out_path[PATH_MAX]);
    /* Whether an app gets a worker of its own though its section says nothing of that. May be NULL:
     * never. */
    bool (*is_alone)(const struct app_config *config);
    /* Opens the app in this worker; app->state is its own. Returns 0 or -errno after logging why,
     * with the next step for whoever reads it. */
    int (*open)(struct gale_app *app);
    /* Answers one request, as gale/plugin.h says of a plugin's serve. On a task. */
    int (*serve)(struct gale_app *app, struct gale_request *req, struct gale_response *res);
    /* Says whether another app may serve the request, without touching its body. If so *out_granted
     * becomes true, and what is to be known of the request is among its variables; else the result
     * and what was written are the answer, as serve has it. On a task. NULL: it is no authorizer.
     */
    int (*authorize)(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                     bool *out_granted);
    /* The worker takes no new requests. May be NULL. */
    void (*drain)(struct gale_app *app);
    /* The last call; frees app->state. Not called if open failed. May be NULL. */
    void (*close)(struct gale_app *app);
};
