/* command_reload.c - gale reload: new workers with the configuration and plugins as they are now.
 */
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
        printf(", after %lld ms\n", json_integer_value(json_object_get(answer, "ms")));
    } else {
        fprintf(stderr, "%s\n", text ? text : "the answer makes no sense");
        terminal_print(stderr, INK_RED, "the reload is refused");
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
        r = target_ask(line, &target, "POST", "/reload", &answer);
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

const struct command command_reload = {
    .name = "reload",
    .usage = "[CONF | --control PATH]",
    .summary = "let a running gale take the configuration and plugins as they are now",
    .text = "Starts new workers with the configuration and the plugin files as they are now,\n"
            "and returns when they serve; the old ones finish their requests. If anything is\n"
            "wrong, with the configuration or with a plugin that doesn't open, it says what,\n"
            "exits with 1, and the old workers serve on as if nothing had been asked.\n"
            "\n"
            "Without CONF the only instance that you run is meant.\n",
    .examples = "  gale reload                 the only one\n"
                "  gale reload conf/gale.ini   the one that serves this configuration\n",
    .options = options,
    .operands = 1,
    .run = run,
};
