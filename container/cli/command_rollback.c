/* command_rollback.c - gale rollback: back to what served before the last reload. */
#include "cli/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/target.h"
#include "cli/terminal.h"

static int tell(const char *body)
{
    json_t *answer = json_loads(body, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "text"));
    long long generation = json_integer_value(json_object_get(answer, "generation"));
    bool is_ok = json_is_true(json_object_get(answer, "ok"));
    if (is_ok) {
        terminal_print(stdout, INK_GREEN, "generation %lld serves", generation);
        printf(", after %lld ms: %s\n", json_integer_value(json_object_get(answer, "ms")),
               text ? text : "");
    } else {
        fprintf(stderr, "%s\n", text ? text : "the answer makes no sense");
        terminal_print(stderr, INK_RED, "nothing is rolled back");
        fprintf(stderr, generation ? "; generation %lld serves on\n" : "\n", generation);
    }
    json_decref(answer);
    return is_ok ? COMMAND_OK : COMMAND_FAILED;
}

static int run(const struct command_line *line)
{
    struct target target;
    struct control_answer answer;
    int r = target_find(line, &target);
    if (r == COMMAND_OK)
        r = target_ask(line, &target, "POST", "/rollback", &answer);
    if (r != COMMAND_OK)
        return r;
    r = tell(answer.body);
    free(answer.body);
    return r;
}

static const struct command_option options[] = {
    {"--control", "PATH", "the control socket of the instance that is meant"},
    {0},
};

const struct command command_rollback = {
    .name = "rollback",
    .usage = "[CONF | --control PATH]",
    .summary = "let a running gale go back to what served before the last reload",
    .text = "Starts new workers with the configuration and the plugins that served before the\n"
            "last reload, whatever became of the files since, and returns when they serve; the\n"
            "others finish their requests. The files stay as they are: the next reload takes\n"
            "them, and says so if they are still those that were rolled back.\n"
            "\n"
            "gale does the same by itself when the workers of a new generation crash (the keys\n"
            "rollback, probation and probation_crashes of [server]).\n"
            "\n"
            "Without CONF the only instance that you run is meant.\n",
    .examples = "  gale rollback                 the only one\n"
                "  gale rollback conf/gale.ini   the one that serves this configuration\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_ASKING,
    .run = run,
};
