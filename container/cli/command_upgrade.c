/* command_upgrade.c - gale upgrade: the gale at the same path takes the running one's place. */
#include "cli/command.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/target.h"
#include "cli/terminal.h"

enum { LOOK_MS = 20, ASK_MS = 2000, PATIENCE_MS = 10 * 1000 };

/* What an instance says of itself. */
struct state {
    char *version, *failure; /* owned; failure NULL: none */
    long long upgrades, generation;
    bool is_reloading;
};

static void forget(struct state *state)
{
    free(state->version);
    free(state->failure);
    *state = (struct state){0};
}

static char *copy_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? memory_copy(text, strlen(text)) : NULL;
}

static bool look(const struct target *target, struct state *out_state)
{
    struct control_answer answer;
    if (control_client_ask(target->control, "GET", "/status", ASK_MS, &answer) < 0)
        return false;
    json_t *status = json_loads(answer.body, 0, NULL);
    const json_t *reload = json_object_get(status, "reload");
    *out_state = (struct state){
        .version = copy_text(status, "gale"),
        .failure = copy_text(reload, "last_failure"),
        .upgrades = json_integer_value(json_object_get(status, "upgrades")),
        .generation = json_integer_value(json_object_get(status, "generation")),
        .is_reloading = json_is_true(json_object_get(reload, "running")),
    };
    json_decref(status);
    free(answer.body);
    return out_state->version != NULL;
}

/* Waits until another program answers, and has workers of its own or none. */
static bool await(const struct target *target, const struct state *before, struct state *out_after)
{
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    for (;;) {
        bool is_there = look(target, out_after);
        bool is_other = is_there && out_after->upgrades != before->upgrades;
        if (is_other && !out_after->is_reloading &&
            (out_after->generation != before->generation || out_after->failure))
            return true;
        if (!is_other && clock_mono_ms() >= end_ms)
            return false;
        if (is_there)
            forget(out_after);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int tell(const struct state *before, const struct state *after, int64_t since_ms)
{
    if (after->generation == before->generation) {
        fprintf(stderr, "%s\n", after->failure);
        terminal_print(stderr, INK_RED, "gale %s has taken over, but its workers are refused",
                       after->version);
        fprintf(stderr, "; those of generation %lld serve on\n", after->generation);
        return COMMAND_FAILED;
    }
    terminal_print(stdout, INK_GREEN, "gale %s has taken over", after->version);
    if (strcmp(before->version, after->version) != 0)
        printf(" from %s", before->version);
    printf("; generation %lld serves, after %lld ms\n", after->generation,
           (long long)(clock_mono_ms() - since_ms));
    return COMMAND_OK;
}

static int refuse(const char *body)
{
    json_t *answer = json_loads(body, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "text"));
    fprintf(stderr, "%s\n", text ? text : "the answer makes no sense");
    terminal_print(stderr, INK_RED, "the upgrade is refused");
    fputs("; everything stays as it was\n", stderr);
    json_decref(answer);
    return COMMAND_FAILED;
}

static int upgrade(const struct command_line *line, const struct target *target,
                   const struct state *before, struct state *out_after)
{
    struct control_answer answer;
    int64_t since_ms = clock_mono_ms();
    int r = target_ask(line, target, "POST", "/upgrade", &answer);
    if (r != COMMAND_OK)
        return r;
    r = answer.status == 202 ? COMMAND_OK : refuse(answer.body);
    free(answer.body);
    if (r != COMMAND_OK)
        return r;
    if (await(target, before, out_after))
        return tell(before, out_after, since_ms);
    fprintf(stderr, "gale upgrade: the old gale still answers; its error log says why\n");
    return COMMAND_FAILED;
}

static int run(const struct command_line *line)
{
    struct target target;
    struct state before = {0}, after = {0};
    int r = target_find(line, &target);
    if (r != COMMAND_OK)
        return r;
    if (look(&target, &before)) {
        r = upgrade(line, &target, &before, &after);
    } else {
        fprintf(stderr, "gale upgrade: %s: it does not answer\n", target.control);
        r = COMMAND_FAILED;
    }
    forget(&before);
    forget(&after);
    return r;
}

static const struct command_option options[] = {
    {"--control", "PATH", "the control socket of the instance that is meant"},
    {0},
};

const struct command command_upgrade = {
    .name = "upgrade",
    .usage = "[CONF | --control PATH]",
    .summary = "let the gale that is installed now take a running one's place",
    .text = "The program at the path that the running gale was started from takes its place:\n"
            "the process and its listeners stay, and new workers take over as with a reload.\n"
            "It is tried first: a program that cannot read the configuration, or in which an\n"
            "app does not open, is refused, and nothing has changed.\n"
            "\n"
            "Without CONF the only instance that you run is meant.\n",
    .examples = "  make install && gale upgrade\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_ASKING,
    .run = run,
};
