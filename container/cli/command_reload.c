/* command_reload.c - gale reload: new workers with the configuration and plugins as they are now.
 */
#include "cli/command.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/target.h"
#include "cli/terminal.h"

enum { LOOK_MS = 20, LOOKS = 5, WAIT_MS = 200 };

struct reload {
    const struct command_line *line;
    struct target target;
    int64_t since_ms; /* it was asked for */
    bool waits;       /* for the end of what was replaced */
};

/* ---- what drains ---- */

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is_draining(const json_t *generation)
{
    const char *state = json_string_value(json_object_get(generation, "state"));
    return state && strcmp(state, "draining") == 0;
}

/* What gale says of itself (owned), and how many of its generations drain. */
static int look(const struct reload *reload, json_t **out_status, size_t *out_draining)
{
    struct control_answer answer;
    json_t *generation;
    size_t i;
    int r = target_ask(reload->line, &reload->target, "GET", "/status", &answer);
    if (r != COMMAND_OK)
        return r;
    *out_status = json_loads(answer.body, 0, NULL);
    *out_draining = 0;
    json_array_foreach(json_object_get(*out_status, "generations"), i, generation)
    {
        *out_draining += is_draining(generation);
    }
    free(answer.body);
    return COMMAND_OK;
}

/* What all workers of one generation still have. A request to an isolated app is with the front
 * and with the app's own workers: it is told of both, and never added up over them. */
struct drain {
    long long requests, connections, tasks, cut_in_ms;
};

static struct drain add_up(const json_t *generation)
{
    struct drain drain = {0};
    json_t *worker;
    size_t i;
    json_array_foreach(json_object_get(generation, "workers"), i, worker)
    {
        const json_t *draining = json_object_get(worker, "draining");
        long long left_ms = number_of(draining, "cut_in_ms");
        drain.requests += number_of(draining, "requests");
        drain.connections += number_of(draining, "connections");
        drain.tasks += number_of(draining, "tasks");
        drain.cut_in_ms = left_ms > drain.cut_in_ms ? left_ms : drain.cut_in_ms;
    }
    return drain;
}

static void print_part(const char *name, long long count, const char **before)
{
    if (!count)
        return;
    printf("%s%lld %s%s", *before, count, name, count == 1 ? "" : "s");
    *before = ", ";
}

static void print_drain(const json_t *generation)
{
    const char *group = json_string_value(json_object_get(generation, "group")), *before = ": ";
    struct drain drain = add_up(generation);
    bool has_app = group && *group;
    terminal_print(stdout, INK_YELLOW, "generation %lld%s%s is draining",
                   number_of(generation, "number"), has_app ? " of the app " : "",
                   has_app ? group : "");
    print_part("request", drain.requests, &before);
    print_part("connection", drain.connections, &before);
    print_part("task", drain.tasks, &before);
    printf("; cut in %lld s\n", (drain.cut_in_ms + 999) / 1000);
}

static void print_drains(const json_t *status)
{
    json_t *generation;
    size_t i;
    json_array_foreach(json_object_get(status, "generations"), i, generation)
    {
        if (is_draining(generation))
            print_drain(generation);
    }
    fflush(stdout);
}

/* Mostly it ends at once, and then there is nothing to say. */
static int tell_drain(const struct reload *reload)
{
    json_t *status = NULL;
    size_t draining = 1;
    int r = COMMAND_OK;
    for (int i = 0; i < LOOKS && draining && r == COMMAND_OK; i++) {
        if (i)
            (void)poll(NULL, 0, LOOK_MS);
        json_decref(status);
        status = NULL;
        r = look(reload, &status, &draining);
    }
    if (r == COMMAND_OK)
        print_drains(status);
    json_decref(status);
    return r;
}

static int await_end(const struct reload *reload)
{
    size_t draining = 1;
    int r = COMMAND_OK;
    for (int i = 0; draining && r == COMMAND_OK; i++) {
        json_t *status = NULL;
        if (i)
            (void)poll(NULL, 0, WAIT_MS);
        r = look(reload, &status, &draining);
        json_decref(status);
    }
    if (r == COMMAND_OK)
        printf("what was replaced has ended, after %lld ms\n",
               (long long)(clock_mono_ms() - reload->since_ms));
    return r;
}

/* ---- the outcome ---- */

static int tell(const struct reload *reload, const char *body)
{
    json_t *answer = json_loads(body, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "text"));
    long long generation = number_of(answer, "generation");
    bool is_ok = json_is_true(json_object_get(answer, "ok"));
    if (is_ok) {
        terminal_print(stdout, INK_GREEN, "generation %lld serves", generation);
        printf(", after %lld ms\n", number_of(answer, "ms"));
        if (text)
            printf("%s\n", text);
        fflush(stdout);
    } else {
        fprintf(stderr, "%s\n", text ? text : "the answer makes no sense");
        terminal_print(stderr, INK_RED, "the reload is refused");
        fprintf(stderr, generation ? "; generation %lld serves on\n" : "\n", generation);
    }
    json_decref(answer);
    int r = is_ok ? tell_drain(reload) : COMMAND_FAILED;
    return r == COMMAND_OK && reload->waits ? await_end(reload) : r;
}

static int run(const struct command_line *line)
{
    struct reload reload = {
        .line = line, .since_ms = clock_mono_ms(), .waits = command_line_has(line, "--wait")};
    struct control_answer answer;
    int r = target_find(line, &reload.target);
    if (r == COMMAND_OK)
        r = target_ask(line, &reload.target, "POST", "/reload", &answer);
    if (r != COMMAND_OK)
        return r;
    r = tell(&reload, answer.body);
    free(answer.body);
    return r;
}

static const struct command_option options[] = {
    {"--control", "PATH", "the control socket of the instance that is meant"},
    {"--wait", NULL, "return only when what was replaced has ended, too"},
    {0},
};

const struct command command_reload = {
    .name = "reload",
    .usage = "[CONF | --control PATH] [--wait]",
    .summary = "let a running gale take the configuration and plugins as they are now",
    .text = "Starts new workers with the configuration and the plugin files as they are now,\n"
            "and returns when they serve; the old ones finish their requests, and hand their\n"
            "idle connections over. It says what is still draining. If anything is wrong,\n"
            "with the configuration or with a plugin that doesn't open, it says what, exits\n"
            "with 1, and the old workers serve on as if nothing had been asked.\n"
            "\n"
            "Without CONF the only instance that you run is meant.\n",
    .examples = "  gale reload                 the only one\n"
                "  gale reload conf/gale.ini   the one that serves this configuration\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_ASKING,
    .run = run,
};
