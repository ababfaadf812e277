/* target.c - from the command line to a control socket, and to sentences where that fails. */
#include "cli/target.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/macros.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/conf_file.h"
#include "cli/control_client.h"
#include "cli/terminal.h"
#include "net/message_socket.h"

enum { ASK_MS = 2000 };

static int copy_path(const struct command_line *line, const char *path, char out[INSTANCE_PATH])
{
    if (strlen(path) >= INSTANCE_PATH) {
        fprintf(stderr, "gale %s: %s is too long for a unix socket's path (at most %d bytes)\n",
                line->command->name, path, INSTANCE_PATH - 1);
        return COMMAND_WRONG;
    }
    strcpy(out, path);
    return COMMAND_OK;
}

/* ---- by name ---- */

/* Where the configuration says its control socket is. It may be broken by now (somebody wants to
 * hear why a reload is refused), so what is wrong with it does not matter here. */
static int control_of(const struct command_line *line, const char *conf, char out[INSTANCE_PATH])
{
    size_t errors;
    struct config *config = conf_file_is_plugin(conf) ? NULL : conf_file_read(conf, true, &errors);
    int r = COMMAND_OK;
    if (config && config->server.control)
        r = copy_path(line, config->server.control, out);
    else if (!instance_path(conf, out))
        r = copy_path(line, conf, out); /* says that it is too long */
    config_close(config);
    return r;
}

/* Whether the socket is there, but for others than this user. */
static bool is_anothers(const struct command_line *line, const char *path)
{
    if (access(path, W_OK) == 0 || errno != EACCES)
        return false;
    fprintf(stderr, "gale %s: permission denied: only its owner and root may ask the gale at %s\n",
            line->command->name, path);
    return true;
}

static int find_conf(const struct command_line *line, const char *conf, struct target *target)
{
    const char *command = line->command->name;
    if (access(conf, F_OK) < 0) {
        fprintf(stderr, "gale %s: there is no file %s\n", command, conf);
        return COMMAND_WRONG;
    }
    int r = control_of(line, conf, target->control);
    if (r != COMMAND_OK || message_socket_is_served(target->control, &target->pid))
        return r;
    if (is_anothers(line, target->control))
        return COMMAND_NO_INSTANCE;
    fprintf(stderr,
            "gale %s: no gale runs with %s (nobody answers at %s); 'gale run %s' starts one\n",
            command, conf, target->control, conf);
    return COMMAND_NO_INSTANCE;
}

static int find_control(const struct command_line *line, const char *path, struct target *target)
{
    int r = copy_path(line, path, target->control);
    if (r != COMMAND_OK || message_socket_is_served(target->control, &target->pid))
        return r;
    if (!is_anothers(line, path))
        fprintf(stderr, "gale %s: no gale answers at %s\n", line->command->name, path);
    return COMMAND_NO_INSTANCE;
}

/* ---- the only one ---- */

struct search {
    struct target found; /* the last one */
    size_t count;
    struct table table;
};

/* What the instance serves, as it says itself; owned. */
static char *served_by(const char *control)
{
    struct control_answer answer;
    if (control_client_ask(control, "GET", "/status", ASK_MS, &answer) < 0)
        return strdup("(does not answer)");
    json_t *status = json_loads(answer.body, 0, NULL);
    const char *config = json_string_value(json_object_get(status, "config"));
    char *name = strdup(config ? config : "(unknown)");
    json_decref(status);
    free(answer.body);
    return name;
}

static int add_instance(void *data, const struct instance *instance)
{
    struct search *search = data;
    scoped_free char *name = served_by(instance->control);
    snprintf(search->found.control, sizeof(search->found.control), "%s", instance->control);
    search->found.pid = instance->pid;
    search->count++;
    table_cell(&search->table, INK_BOLD, "%s", name);
    table_cell(&search->table, INK_PLAIN, "pid %d", (int)instance->pid);
    table_cell(&search->table, INK_PLAIN, "--control %s", instance->control);
    table_end_row(&search->table);
    return 0;
}

static int refuse_none(const char *command)
{
    char folder[INSTANCE_PATH];
    fprintf(stderr,
            "gale %s: no gale of yours runs (looked in %s); 'gale run' starts one, and one with "
            "the key `control` is found by 'gale %s CONF' or '--control PATH'\n",
            command, instance_folder(folder) ? folder : "no folder", command);
    return COMMAND_NO_INSTANCE;
}

static int find_only(const struct command_line *line, struct target *target)
{
    struct search search = {0};
    (void)instances_each(add_instance, &search);
    int r = COMMAND_OK;
    if (search.count == 0) {
        r = refuse_none(line->command->name);
    } else if (search.count > 1) {
        fprintf(stderr, "gale %s: %zu instances run; say which one, by CONF or by --control:\n",
                line->command->name, search.count);
        r = COMMAND_NO_INSTANCE;
    }
    if (search.count > 1)
        table_print(&search.table, stderr);
    table_finish(&search.table);
    *target = search.found;
    return r;
}

int target_find(const struct command_line *line, struct target *out_target)
{
    const char *control = command_line_value(line, "--control");
    const char *conf = command_line_operand(line, 0);
    struct target target = {0};
    int r;
    if (control && conf) {
        fprintf(stderr, "gale %s: name CONF or --control PATH, not both\n", line->command->name);
        return COMMAND_WRONG;
    }
    if (control)
        r = find_control(line, control, &target);
    else if (conf)
        r = find_conf(line, conf, &target);
    else
        r = find_only(line, &target);
    if (r == COMMAND_OK)
        *out_target = target;
    return r;
}

/* ---- asking ---- */

static const char *explain(int r)
{
    switch (r) {
    case -ENOENT:
    case -ECONNREFUSED:
        return "nobody answers; it has ended";
    case -ENODATA:
        return "it hung up; only its owner and root may ask it";
    case -ETIMEDOUT:
        return "it does not answer in time";
    case -EPROTO:
        return "that is no gale";
    default:
        return strerror(-r);
    }
}

int target_ask(const struct command_line *line, const struct target *target, const char *method,
               const char *path, struct control_answer *out_answer)
{
    bool has_limit = strcmp(method, "GET") == 0; /* a reload takes as long as its apps need */
    int r =
        control_client_ask(target->control, method, path, has_limit ? 5 * ASK_MS : -1, out_answer);
    if (r == 0)
        return COMMAND_OK;
    fprintf(stderr, "gale %s: %s: %s\n", line->command->name, target->control, explain(r));
    return r == -ENOENT || r == -ECONNREFUSED ? COMMAND_NO_INSTANCE : COMMAND_FAILED;
}
