/* command_dev.c - gale dev: builds, serves, and begins again when a file is saved. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "app/dev.h"
#include "base/log.h"
#include "cli/adapters.h"
#include "cli/apps_table.h"
#include "cli/command_line.h"
#include "cli/dev_held.h"
#include "cli/dev_project.h"
#include "cli/dev_terminal.h"
#include "cli/listen_option.h"
#include "cli/terminal.h"
#include "process/dev_master.h"
#include "process/master.h"

/* A compiler that is missing fails before there is anything to greet with. */
static struct dev_held held;
static bool has_greeted;
static const char *name; /* of the app, where a dot would be all that is said of it */

static void notice(const struct dev_notice *what)
{
    log_flush();
    if (has_greeted)
        dev_terminal_print(what, stderr);
    else
        dev_held_add(&held, what);
}

static void greet(const struct config *config, unsigned workers)
{
    const struct setting_list *listen = &config->server.listen;
    char address[ADDRESS_MAX];
    (void)workers;
    fputc('\n', stderr);
    terminal_print(stderr, INK_BOLD, "  gale dev");
    fprintf(stderr, " serves %s at ", strcmp(config->path, ".") == 0 ? name : config->path);
    for (size_t i = 0; i < listen->len; i++)
        terminal_print(stderr, INK_GREEN, "%s%s", i ? " " : "",
                       address_of_clients(listen->items[i], address));
    terminal_print(stderr, INK_DIM,
                   "\n  save a file and it is built, live and in the browser; "
                   "Ctrl-C ends\n\n");
    fflush(stderr);
    has_greeted = true;
    dev_held_print(&held, stderr);
}

static int serve(const struct command_line *line, struct dev_project *project)
{
    const char **listen = command_line_values(line, "--listen");
    const struct dev_options dev = {
        .app = project->name,
        .recipe = project->name ? &project->recipe : NULL,
        .include = project->include,
        .has_asan = command_line_has(line, "--asan"),
        .notice = notice,
    };
    const struct master_options options = {
        .path = project->path,
        .text = project->text,
        .name = project->text ? project->recipe.folder : NULL,
        .adapters = dev_adapters(adapters),
        .listen = listen[0] ? listen : NULL,
        .control = command_line_value(line, "--control"),
        .dev = &dev,
        .on_serving = greet,
    };
    name = project->name;
    int r = listen_option_check("dev", listen);
    if (r == COMMAND_OK)
        r = (int)master_run(&options);
    dev_held_print(&held, stderr); /* of one that never came to serve */
    free(listen);
    return r;
}

static int run(const struct command_line *line)
{
    struct dev_project project;
    int r =
        dev_project_open(&project, command_line_operand(line, 0), command_line_has(line, "--asan"));
    if (r == COMMAND_OK)
        r = serve(line, &project);
    dev_project_close(&project);
    return r;
}

static const struct command_option options[] = {
    {"--listen", "ADDR", "accept clients here; repeatable"},
    {"--asan", NULL, "build and run plugins under AddressSanitizer"},
    {"--control", "PATH", "the control socket, for gale reload, stop and status"},
    {0},
};

const struct command command_dev = {
    .name = "dev",
    .usage = "[FILE | FOLDER | CONF] [--asan] [--listen ADDR]... [--control PATH]",
    .summary = "build and serve what you write, and reload it when you save",
    .text = "Builds a plugin, serves it, and does both again whenever a file is saved. The page\n"
            "in the browser reloads by itself; what does not build, does not open or crashes is\n"
            "shown there and here, and the code that ran before goes on until it is mended.\n"
            "\n"
            "FILE is one source, .c or .cc, built by cc (or CC, CXX; with CFLAGS, CXXFLAGS,\n"
            "LDLIBS and so on) and served at / on 127.0.0.1:8080. FOLDER is built by make where\n"
            "it has a Makefile, else by cc from all its sources; its gale.ini is served where it\n"
            "has one. In a CONF, an app's key `build` is the command that makes its plugin;\n"
            "without one the plugin's file is watched. Without an operand it is gale.ini or this\n"
            "folder.\n"
            "\n"
            "What is made goes to the folder .gale beside the source.\n",
    .examples = "  gale dev hello.c\n"
                "  gale dev hello.c --asan\n"
                "  gale dev conf/gale.ini --listen 127.0.0.1:9000\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_LISTENING,
    .run = run,
};
