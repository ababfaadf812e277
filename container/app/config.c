/* config.c - a configuration from its text: sections, keys, and where paths start. */
#include "app/config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "app/adapter.h"
#include "app/config_private.h"
#include "base/ini.h"
#include "base/memory.h"
#include "base/str.h"

/* ---- gathering ---- */

/* Makes room for one more member of `size` bytes; the old array stays in the arena. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    void *larger = arena_zalloc(arena, *cap * size);
    if (count)
        memcpy(larger, items, count * size);
    return larger;
}

static void gather_section(void *data, const char *name, const char *file, unsigned line)
{
    struct config_reader *reader = data;
    struct arena *arena = &reader->config->arena;
    reader->sections =
        grow(arena, reader->sections, reader->count, &reader->cap, sizeof(*reader->sections));
    reader->sections[reader->count++] =
        (struct config_section){.name = name, .file = file, .line = line};
}

static void gather_key(void *data, const char *key, const char *value, const char *file,
                       unsigned line)
{
    struct config_reader *reader = data;
    struct arena *arena = &reader->config->arena;
    struct config_section *section = &reader->sections[reader->count - 1];
    section->keys =
        grow(arena, section->keys, section->count, &section->cap, sizeof(*section->keys));
    section->keys[section->count++] = (struct config_key){key, value, file, line};
}

const struct config_key *config_find_key(const struct config_section *section, const char *key)
{
    const struct config_key *found = NULL;
    for (size_t i = 0; section && i < section->count; i++)
        if (strcmp(section->keys[i].key, key) == 0)
            found = &section->keys[i];
    return found;
}

/* ---- keys by tables ---- */

/* The line where the same key stood before in its section, or 0. */
static unsigned earlier_line(const struct config_section *section, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(section->keys[i].key, section->keys[index].key) == 0)
            return section->keys[i].line;
    return 0;
}

/* Whether the tables have keys of the app's own (set NAME = VALUE). */
static bool has_named(const struct setting *const *tables)
{
    for (; *tables; tables++)
        for (const struct setting *row = *tables; row->key; row++)
            if (row->type == SETTING_NAMED)
                return true;
    return false;
}

/* Who else has such a key, as the end of a sentence, or NULL. */
static const char *owner_elsewhere(const struct config_reader *reader,
                                   const struct setting *const *tables, const char *key)
{
    struct arena *arena = &reader->config->arena;
    if (setting_find(server_table, key))
        return "it belongs in [server]";
    if (setting_find(app_table, key) || setting_find(isolation_table, key))
        return "it belongs in an [app NAME] section";
    for (const struct adapter *const *adapter = reader->adapters; *adapter; adapter++)
        if (setting_find((*adapter)->table, key))
            return arena_printf(
                       arena, "it belongs to apps with the key '%s'%s%s%s", (*adapter)->name,
                       has_named(tables) ? "; if it is for the app itself, write 'set " : "",
                       has_named(tables) ? key : "", has_named(tables) ? " = VALUE'" : "")
                .at;
    return NULL;
}

/* Whether something worse was said about the line: two errors about one line confuse. */
static bool is_refused(const struct setting_errors *errors, const struct config_key *key)
{
    for (size_t i = 0; i < errors->len; i++)
        if (errors->items[i].line == key->line && strcmp(errors->items[i].file, key->file) == 0)
            return true;
    return false;
}

static void refuse_key(struct config_reader *reader, const struct config_section *section,
                       const struct config_target *targets, const struct config_key *key)
{
    const struct setting *tables[CONFIG_TARGETS] = {0};
    const struct setting_place place = {key->file, key->line, reader->config->base};
    for (size_t i = 0; targets[i].table; i++)
        tables[i] = targets[i].table;
    const char *elsewhere = owner_elsewhere(reader, tables, key->key);
    if (elsewhere)
        setting_errors_add(reader->errors, key->file, key->line, "'%s' is not a key of [%s]; %s",
                           key->key, section->name, elsewhere);
    else
        setting_add_unknown(tables, key->key, &place, reader->errors);
}

static void set_key(struct config_reader *reader, const struct config_section *section,
                    const struct config_target *targets, size_t index)
{
    const struct config_key *key = &section->keys[index];
    const struct setting_place place = {key->file, key->line, reader->config->base};
    for (const struct config_target *target = targets; target->table; target++) {
        const struct setting *row = setting_find(target->table, key->key);
        if (!row)
            continue;
        unsigned earlier = row->type == SETTING_NAMED ? earlier_line(section, index) : 0;
        if (earlier)
            setting_errors_add(reader->errors, key->file, key->line,
                               "'%s' is given twice; it stands on line %u already", key->key,
                               earlier);
        else
            (void)setting_set(row, target->values, key->key, key->value, &place, reader->errors);
        return;
    }
    if (!is_refused(reader->errors, key))
        refuse_key(reader, section, targets, key);
}

void config_set_keys(struct config_reader *reader, const struct config_section *section,
                     const struct config_target *targets)
{
    for (size_t i = 0; i < section->count; i++)
        set_key(reader, section, targets, i);
}

/* ---- where paths start ---- */

const char *config_join(struct arena *arena, const char *base, const char *path)
{
    if (*path == '/')
        return path;
    return arena_printf(arena, "%s%s%s", base, strcmp(base, "/") == 0 ? "" : "/", path).at;
}

static const char *working_folder(struct arena *arena)
{
    char cwd[PATH_MAX];
    return getcwd(cwd, sizeof(cwd)) ? arena_copy(arena, cwd, strlen(cwd)).at : "/";
}

/* The folder of the main file; for "(command line)" the working folder. */
static const char *own_folder(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return working_folder(arena);
    const char *folder = arena_copy(arena, path, slash == path ? 1 : (size_t)(slash - path)).at;
    return *path == '/' ? folder : config_join(arena, working_folder(arena), folder);
}

static const char *resolve_base(struct config_reader *reader, const struct config_section *server)
{
    struct arena *arena = &reader->config->arena;
    if (reader->base)
        return arena_copy(arena, reader->base, strlen(reader->base)).at;
    const struct config_key *key = config_find_key(server, "base");
    const char *base = own_folder(arena, reader->config->path);
    if (key)
        base = config_join(arena, base, key->value);
    struct stat info;
    char real[PATH_MAX];
    if (realpath(base, real) && stat(real, &info) == 0 && S_ISDIR(info.st_mode))
        return arena_copy(arena, real, strlen(real)).at;
    if (key)
        setting_errors_add(reader->errors, key->file, key->line, "base: there is no folder '%s'",
                           base);
    return base;
}

/* ---- sections ---- */

static const struct setting section_words[] = {
    {.key = "server"}, {.key = "app NAME"}, {.key = "app"}, {.key = NULL}};

static bool is_named(const char *name, const char *word)
{
    size_t len = strlen(word);
    return strncmp(name, word, len) == 0 && (!name[len] || name[len] == ' ');
}

static void refuse_section(struct config_reader *reader, const struct config_section *section)
{
    static const struct setting *const tables[] = {section_words, NULL};
    if (is_named(section->name, "listen") || is_named(section->name, "host")) {
        setting_errors_add(reader->errors, section->file, section->line,
                           "[%s] is reserved for a later version of gale; use the key '%s'",
                           section->name,
                           is_named(section->name, "host") ? "mount = HOST/PATH" : "listen");
        return;
    }
    struct gale_str rest = str_of(section->name);
    struct gale_str word = str_cut(&rest, ' ');
    const char *nearest =
        setting_nearest(tables, arena_copy(&reader->config->arena, word.at, word.len).at);
    if (nearest && strcmp(nearest, "app") == 0)
        nearest = "app NAME";
    setting_errors_add(reader->errors, section->file, section->line,
                       nearest ? "unknown section [%s]; did you mean [%s]?"
                               : "unknown section [%s]; there are [server] and [app NAME]",
                       section->name, nearest);
}

static void read_apps(struct config_reader *reader)
{
    struct config *config = reader->config;
    config->apps = arena_zalloc(&config->arena, (reader->count + 1) * sizeof(*config->apps));
    for (size_t i = 0; i < reader->count; i++) {
        const struct config_section *section = &reader->sections[i];
        if (is_named(section->name, "app"))
            config_read_app(reader, section, &config->apps[config->app_count++]);
        else if (strcmp(section->name, "server") != 0)
            refuse_section(reader, section);
    }
    config_join_apps(reader);
}

static const struct config_section *find_section(const struct config_reader *reader,
                                                 const char *name)
{
    for (size_t i = 0; i < reader->count; i++)
        if (strcmp(reader->sections[i].name, name) == 0)
            return &reader->sections[i];
    return NULL;
}

/* ---- all ---- */

static struct config *parse(const char *path, struct gale_str text, const char *base,
                            const struct adapter *const *adapters, struct setting_errors *errors)
{
    struct config *config = memory_zalloc(sizeof(*config));
    arena_init(&config->arena, NULL, 0);
    config->path = arena_copy(&config->arena, path, strlen(path)).at;
    /* Values are kept where errors are, so they get the configuration's own arena. */
    struct setting_errors found = {.arena = &config->arena};
    struct config_reader reader = {
        .config = config, .adapters = adapters, .errors = &found, .base = base};
    const struct ini_handler handler = {gather_section, gather_key, &reader};
    ini_parse_text(config->path, text, &handler, &found);

    const struct config_section *server = find_section(&reader, "server");
    config->base = resolve_base(&reader, server);
    config_read_server(&reader, server);
    read_apps(&reader);
    config_read_front(&reader);
    if (!config->app_count)
        setting_errors_add(&found, config->path, 0,
                           "there is nothing to serve: add a section [app NAME]");
    config->marks = found.marks;
    setting_errors_sort(&found);
    for (size_t i = 0; i < found.len; i++)
        setting_errors_add(
            errors, arena_copy(errors->arena, found.items[i].file, strlen(found.items[i].file)).at,
            found.items[i].line, "%s", found.items[i].text);
    return config;
}

struct config *config_parse(const char *path, struct gale_str text,
                            const struct adapter *const *adapters, struct setting_errors *errors)
{
    return parse(path, text, NULL, adapters, errors);
}

struct config *config_parse_again(const char *path, struct gale_str text, const char *base,
                                  const struct adapter *const *adapters,
                                  struct setting_errors *errors)
{
    return parse(path, text, base, adapters, errors);
}

void config_place(const struct config *config, const void *field, const char **file, unsigned *line)
{
    const struct setting_errors set = {.marks = config->marks};
    (void)setting_errors_place(&set, field, file, line);
}

void config_close(struct config *config)
{
    if (!config)
        return;
    arena_finish(&config->arena);
    free(config);
}
