/* conf_file.c - the default places of a configuration, and its errors on standard error. */
#include "cli/conf_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/adapters.h"

const char *conf_file_default(void)
{
    static const char *const places[] = {"gale.ini", "conf/gale.ini"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

const char *conf_file_choose(const char *command, const char *given)
{
    const char *path = given ? given : conf_file_default();
    if (!path)
        fprintf(stderr,
                "gale %s: there is no gale.ini and no conf/gale.ini in this folder; name a "
                "configuration: gale %s FILE.ini\n",
                command, command);
    return path;
}

bool conf_file_is_plugin(const char *text)
{
    static const char *const endings[] = {".so", ".o", ".a", ".c", ".cc", ".cpp", ".h"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(str_of(text), str_of(endings[i])))
            return true;
    return false;
}

struct config *conf_file_read(const char *path, bool quietly, size_t *out_count)
{
    struct arena arena;
    struct config *config = NULL;
    size_t len = 0;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    scoped_free char *text = ini_load(path, &len, &errors);
    /* What is missing in the text makes other lines look wrong. */
    if (!errors.len)
        config = config_parse(path, (struct gale_str){text, len}, adapters, &errors);
    if (!quietly)
        setting_errors_print(&errors, stderr);
    *out_count = errors.len;
    arena_finish(&arena);
    return config;
}
