/* plugin_operand.c - from FILE.so, --mount and --set to a parsed configuration. */
#include "cli/plugin_operand.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/plugin/plugin_file.h"
#include "app/config.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/adapters.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/plugin_conf.h"

static bool find(const struct command_line *line, const char *file, char out_path[PATH_MAX])
{
    struct buffer why = {0};
    if (!realpath(file, out_path)) {
        fprintf(stderr, "gale %s: %s: %s; build the plugin first, or correct its path\n",
                line->command->name, file, strerror(errno));
        return false;
    }
    int r = plugin_file_check(out_path, out_path, &why);
    if (r < 0)
        fprintf(stderr, "gale %s: %s\n", line->command->name, why.at);
    buffer_finish(&why);
    return r == 0;
}

static char *write_text(const struct command_line *line, const char *path, const char *mount,
                        const char *const *settings)
{
    const char *wrong = NULL;
    char *text = plugin_conf_write_with(path, mount, settings, &wrong);
    if (!text)
        fprintf(stderr, "gale %s: '%s' is no setting; expected NAME=VALUE\n", line->command->name,
                wrong);
    return text;
}

struct config *plugin_operand_read_with(const struct command_line *line, const char *file,
                                        const char *mount, const char *const *settings)
{
    char path[PATH_MAX];
    if (!find(line, file, path))
        return NULL;
    scoped_free char *text = write_text(line, path, mount, settings);
    struct arena arena;
    if (!text)
        return NULL;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("(command line)", str_of(text), adapters, &errors);
    for (size_t i = 0; i < errors.len; i++)
        fprintf(stderr, "gale %s: %s\n", line->command->name, errors.items[i].text);
    if (errors.len) {
        config_close(config);
        config = NULL;
    }
    arena_finish(&arena);
    return config;
}

struct config *plugin_operand_read(const struct command_line *line, const char *file)
{
    const char **settings = command_line_values(line, "--set");
    struct config *config =
        plugin_operand_read_with(line, file, command_line_value(line, "--mount"), settings);
    free(settings);
    return config;
}
