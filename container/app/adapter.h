/* adapter.h - what can be hosted, as rows of one table: plugin, CGI, FastCGI.
 *
 * An adapter has the verbs that a plugin has, and uses the same request and response functions as a
 * plugin; there is no second interface. The key of its name in [app NAME] chooses it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct app_config;
struct gale_app;
struct gale_request;
struct gale_response;
struct setting;
struct setting_errors;

struct adapter {
    const char *name;            /* "plugin": also the key whose presence chooses it */
    const struct setting *table; /* its keys in the section, that one among them */
    size_t settings_size;        /* of the struct that the table fills */
    /* Looks at the settings and nothing else: no process, no socket, no code of others; files may
     * be looked at. Adds what is wrong to errors. May be NULL. */
    void (*check)(const struct app_config *config, struct setting_errors *errors);
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
