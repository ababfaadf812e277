/* cgi_settings.h - the keys of a CGI app. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/setting.h"

struct app_config;

struct cgi_settings {
    const char *cgi; /* a program, or a folder of them */
    struct setting_pairs interpreters;
    struct setting_list index;
    const char *root;
    struct setting_pairs env;
    struct setting_list pass_env;
    bool pass_authorization;
    int64_t processes, queue;
    int64_t queue_timeout_ms, read_timeout_ms, run_timeout_ms, grace_ms;
    int64_t cpu_ms, files, max_processes;
    uint64_t memory;
    const char *user;
    uint64_t buffer;
    const char *sendfile;
    struct setting_pairs accel;
};

extern const struct setting cgi_table[];

/* The interpreter for a program of that name, its options behind it, or NULL. */
const char *cgi_interpreter(const struct cgi_settings *settings, const char *name);
/* The user that programs run as. 0 and *out_has false when it is the worker's own; -EINVAL with
 * *out_why (static storage) when there is no such user or the worker cannot become it. */
int cgi_user(const struct cgi_settings *settings, bool *out_has, uid_t *out_uid, gid_t *out_gid,
             const char **out_why);
/* What adapter.check does. */
void cgi_check(const struct app_config *config, struct setting_errors *errors);
