/* config.h - a whole configuration: the server, its apps, and what is wrong with it.
 *
 * Read once by the master from files into one text, parsed by master and workers alike, immutable
 * from then on: another configuration means another generation of workers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>
#include "base/arena.h"
#include "base/rate_table.h"
#include "base/setting.h"
#include "http/http_server.h"

struct adapter;

/* [server] */
struct server_settings {
    struct http_settings http;
    struct setting_list listen;
    int64_t socket_mode; /* of its unix sockets */
    int64_t workers;     /* 0: auto */
    const char *base;
    const char *user, *group;
    const char *pid_file;
    const char *control;
    const char *state; /* NULL: the default */
    int64_t drain_timeout_ms, start_timeout_ms;
    int64_t max_connections, max_tasks, descriptors;
    int64_t backlog;
    int64_t loop_warn_ms, stuck_timeout_ms;
    int64_t max_requests; /* of a worker; 0: any number */
    uint64_t max_memory;  /* bytes; 0: any */
    bool rollback;
    int64_t probation_ms, probation_crashes;
    int poller;
    int64_t offload_threads, offload_queue;
    struct setting_list trusted_proxies;
    int64_t limit_connections; /* of one client; 0: any number */
    struct rate_limit rate;    /* of one client */
    struct setting_list limit_except;
    const char *access_log; /* a path, "-" or "off" */
    int access_log_format;
    const char *error_log; /* a path or "-" */
    int log_level;
    struct setting_pairs error_pages;
};

/* What every app may set for itself; where it does not, the server's. */
struct app_limits {
    uint64_t max_body, form_memory;
    int64_t body_timeout_ms, write_timeout_ms;
    int64_t deadline_ms; /* of a whole request; 0: none */
    struct rate_limit rate;
};

enum app_mode {
    APP_TASK,    /* many requests at a time, each on a task */
    APP_PROCESS, /* one at a time, which may block */
};

/* An app's own workers: what they are and may do. */
struct app_isolation {
    int64_t workers; /* 0: none, it runs in the front's */
    int mode;        /* enum app_mode */
    const char *user, *group;
    struct setting_pairs env;
    uint64_t memory;
    int64_t files, max_processes;
    struct setting_list read, write; /* absolute paths; "none" */
    int64_t connections, queue, queue_timeout_ms;
};

/* [app NAME] */
struct app_config {
    const char *name;
    const char *file; /* where its section stands */
    unsigned line;    /* 0: in no file but made up for the plugin that was named instead of one */
    const char *mount_text; /* "/hello", "example.org/shop"; "-": it has none */
    bool has_mount;         /* else it only answers those that name it in `authorize` */
    struct gale_str host;   /* lower case; "": any */
    struct gale_str prefix; /* "" for "/", else "/x/y" without a final slash */
    const char *authorize;  /* the name of its authorizer; NULL: everybody may use it */
    const struct app_config *authorizer; /* that app */
    const struct adapter *adapter;
    const char *target; /* what the adapter's key says: a plugin's path or name, a program... */
    void *settings;     /* the adapter's, filled by its table */
    struct app_limits limits;
    bool watch; /* reload when its file changes */
    struct app_isolation isolation;
    const char *substance; /* of an isolated app: it is the same one while this text is */
    const char *build;     /* how gale dev makes it; NULL: somebody else does */
    const struct server_settings *server;
    int servers_fd; /* in a worker: a path to the servers that the master runs for it; -1: none */
};

struct config_place {
    const char *file;
    unsigned line;
};

struct config {
    struct arena arena;
    const char *path; /* of the main file; "(command line)" without one */
    const char *base; /* absolute: where relative paths start */
    struct server_settings server;
    const char *substance;   /* of the front: the same text makes the same front */
    struct app_config *apps; /* in the file's order */
    size_t app_count;
    struct config_place *listen_places; /* of the words of `listen`; NULL: the default */
    /* private */
    struct setting_mark *marks;
};

/* Whether a word of `listen` is for web servers that speak FastCGI, "fastcgi://ADDRESS"; takes that
 * prefix off. */
bool config_listen_is_fastcgi(struct gale_str *text);

extern const struct setting server_table[];
extern const struct setting app_table[];
extern const struct setting isolation_table[];

/* Parses a text of ini_load. `path` names the main file, `adapters` is NULL-terminated. Always
 * makes a config that config_close frees; with errors it is not to be used. Checks are without
 * effects. */
struct config *config_parse(const char *path, struct gale_str text,
                            const struct adapter *const *adapters, struct setting_errors *errors);
/* The same for a text that another process has found right, and for the base that it found then:
 * files and folders may have changed since, so none is looked at. */
struct config *config_parse_again(const char *path, struct gale_str text, const char *base,
                                  const struct adapter *const *adapters,
                                  struct setting_errors *errors);
/* Whether there is a limit for each client, be it of one app. */
bool config_limits_clients(const struct config *config);
/* Where the key of a field of `server` stands; leaves both as they are when it has its default. */
void config_place(const struct config *config, const void *field, const char **file,
                  unsigned *line);
void config_close(struct config *config); /* takes NULL */
