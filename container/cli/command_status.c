/* command_status.c - gale status: how a running instance is. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/status_page.h"
#include "cli/target.h"

static int show(const struct command_line *line, const struct control_answer *answer)
{
    if (answer->status == 200 && command_line_has(line, "--json"))
        fputs(answer->body, stdout);
    else if (answer->status != 200 || status_page_print(answer->body, stdout) < 0) {
        fprintf(stderr, "gale status: it answers %d with what is no status\n", answer->status);
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

static int run(const struct command_line *line)
{
    struct target target;
    struct control_answer answer;
    int r = target_find(line, &target);
    if (r == COMMAND_OK)
        r = target_ask(line, &target, "GET", "/status", &answer);
    if (r != COMMAND_OK)
        return r;
    r = show(line, &answer);
    free(answer.body);
    return r;
}

static const struct command_option options[] = {
    {"--json", NULL, "print what the instance answers, for programs"},
    {"--control", "PATH", "the control socket of the instance that is meant"},
    {0},
};

const struct command command_status = {
    .name = "status",
    .usage = "[CONF | --control PATH] [--json]",
    .summary = "show how a running gale is",
    .text = "Shows where a running gale listens, its apps and what they serve with, its\n"
            "generations and workers, what keeps them busy at this moment, why the last reload\n"
            "was refused or rolled back, if it was, and the last crash of each app. A worker is\n"
            "silent when something holds it up.\n"
            "\n"
            "Without CONF the only instance that you run is meant. The control socket speaks\n"
            "HTTP: curl --unix-socket PATH http://gale/status (or /metrics, for Prometheus).\n",
    .examples = "  gale status\n"
                "  gale status --json | jq .uptime_ms\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_ASKING,
    .run = run,
};
