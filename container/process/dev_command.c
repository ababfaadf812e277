/* dev_command.c - command lines, put together from a recipe and the environment. */
#include "process/dev_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/dev_toolchain.h"

/* Arguments that are gathered. */
struct words {
    struct arena *arena;
    const char **at;
    size_t len, cap;
};

static void add(struct words *words, const char *word)
{
    if (words->len + 1 >= words->cap) {
        words->cap = words->cap ? words->cap * 2 : 32;
        const char **larger = arena_zalloc(words->arena, words->cap * sizeof(*larger));
        if (words->len)
            memcpy(larger, words->at, words->len * sizeof(*larger));
        words->at = larger;
    }
    words->at[words->len++] = word;
    words->at[words->len] = NULL;
}

static void add_all(struct words *words, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(words, list[i]);
}

/* The words of an environment variable, separated by blanks. */
static void add_environment(struct words *words, const char *name)
{
    const char *value = getenv(name);
    struct gale_str rest = str_of(value ? value : "");
    while (rest.at) {
        struct gale_str word = str_cut(&rest, ' ');
        if (word.len)
            add(words, arena_copy(words->arena, word.at, word.len).at);
    }
}

/* ---- programs ---- */

static bool is_cxx(const char *source)
{
    static const char *const endings[] = {".cc", ".cpp", ".cxx", ".C"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(str_of(source), str_of(endings[i])))
            return true;
    return false;
}

static bool has_cxx(const struct dev_recipe *recipe)
{
    for (const char *const *at = recipe->sources; *at; at++)
        if (is_cxx(*at))
            return true;
    return false;
}

static const char *compiler_of(bool cxx)
{
    const char *own = getenv(cxx ? "CXX" : "CC");
    return own && *own ? own : cxx ? "c++" : "cc";
}

void dev_command_look(struct dev_recipe *recipe)
{
    recipe->is_clang[false] = recipe->has_asan && dev_toolchain_is_clang(compiler_of(false));
    recipe->is_clang[true] = recipe->has_asan && dev_toolchain_is_clang(compiler_of(true));
    recipe->is_forced =
        recipe->asan_mark && (recipe->has_asan || access(recipe->asan_mark, F_OK) == 0);
}

static void add_compiler(struct words *words, bool cxx)
{
    size_t before = words->len;
    add_environment(words, cxx ? "CXX" : "CC");
    if (words->len == before)
        add(words, compiler_of(cxx));
}

static const char *find_program(const char *name, struct arena *arena)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? name : NULL;
    struct gale_str rest = str_of(path && *path ? path : "/usr/local/bin:/usr/bin:/bin");
    while (rest.at) {
        struct gale_str folder = str_cut(&rest, ':');
        const char *file =
            arena_printf(arena, "%.*s/%s", (int)folder.len, folder.len ? folder.at : ".", name).at;
        if (access(file, X_OK) == 0)
            return file;
    }
    return NULL;
}

static void finish(struct words *words, struct dev_command *out)
{
    out->argv = words->at;
    out->program = find_program(words->at[0], words->arena);
}

/* ---- cc ---- */

/* -Og: what a debugger shows is what was written. Symbols of gale are resolved when the plugin is
 * loaded; what is missing beside them had better be told now, with its line (dev_build.c). */
static const char *const compile_flags[] = {"-g",
                                            "-Og",
                                            "-Wall",
                                            "-Wextra",
                                            "-fPIC",
                                            "-fvisibility=hidden",
                                            "-fno-omit-frame-pointer",
                                            "-fstack-clash-protection"};
static const char *const link_flags[] = {"-shared", "-Wl,-z,defs", "-Wl,--warn-unresolved-symbols"};

static void add_compile_flags(struct words *words, const struct dev_recipe *recipe,
                              const char *source)
{
    add_all(words, compile_flags, ARRAY_LEN(compile_flags));
    if (!is_cxx(source)) /* which the compiler guesses at, and then nobody has */
        add(words, "-Werror=implicit-function-declaration");
    if (recipe->has_asan)
        add(words, "-fsanitize=address");
    if (recipe->include)
        add(words, arena_printf(words->arena, "-I%s", recipe->include).at);
    add_environment(words, "CPPFLAGS");
    add_environment(words, is_cxx(source) ? "CXXFLAGS" : "CFLAGS");
}

static void add_link_flags(struct words *words, const struct dev_recipe *recipe, bool cxx)
{
    add_all(words, link_flags, ARRAY_LEN(link_flags));
    if (recipe->has_asan)
        add(words, "-fsanitize=address");
    if (recipe->has_asan && recipe->is_clang[cxx])
        add(words, "-shared-libasan");
    add_environment(words, "LDFLAGS");
}

static void add_output(struct words *words, const char *object)
{
    add(words, "-o");
    add(words, object);
    add_environment(words, "LDLIBS");
}

static const char *object_of(const struct dev_recipe *recipe, size_t index, const char *ending,
                             struct arena *arena)
{
    char *name =
        (char *)arena_copy(arena, recipe->sources[index], strlen(recipe->sources[index])).at;
    for (char *at = name; *at; at++)
        *at = *at == '/' ? '-' : *at;
    return arena_printf(arena, "%s/%s%s", recipe->scratch, name, ending).at;
}

static const char *fresh_output(const struct dev_recipe *recipe, struct arena *arena)
{
    return arena_printf(arena, "%s.new", recipe->output).at;
}

size_t dev_command_sources(const struct dev_recipe *recipe)
{
    size_t count = 0;
    while (recipe->sources && recipe->sources[count])
        count++;
    return count;
}

void dev_command_compile(const struct dev_recipe *recipe, size_t index, struct arena *arena,
                         struct dev_command *out)
{
    struct words words = {.arena = arena};
    const char *source = recipe->sources[index];
    bool is_only = dev_command_sources(recipe) == 1;
    out->object = is_only ? fresh_output(recipe, arena) : object_of(recipe, index, ".o", arena);
    out->depends = object_of(recipe, index, ".d", arena);
    add_compiler(&words, is_cxx(source));
    add_compile_flags(&words, recipe, source);
    add_all(&words, (const char *[]){"-MMD", "-MF", out->depends}, 3);
    if (is_only)
        add_link_flags(&words, recipe, is_cxx(source));
    else
        add(&words, "-c");
    add(&words, source);
    add_output(&words, out->object);
    finish(&words, out);
}

void dev_command_link(const struct dev_recipe *recipe, struct arena *arena, struct dev_command *out)
{
    struct words words = {.arena = arena};
    out->object = fresh_output(recipe, arena);
    out->depends = NULL;
    add_compiler(&words, has_cxx(recipe));
    add(&words, "-g");
    add_link_flags(&words, recipe, has_cxx(recipe));
    for (size_t i = 0; recipe->sources[i]; i++)
        add(&words, object_of(recipe, i, ".o", arena));
    add_output(&words, out->object);
    finish(&words, out);
}

void dev_command_shell(const struct dev_recipe *recipe, struct arena *arena,
                       struct dev_command *out)
{
    struct words words = {.arena = arena};
    add_all(&words, (const char *[]){"sh", "-c", recipe->command}, 3);
    *out = (struct dev_command){.object = recipe->output};
    finish(&words, out);
}

/* ---- what goes along ---- */

static bool is_replaced(const struct dev_recipe *recipe, const char *pair)
{
    return strncmp(pair, "GALE_CFLAGS=", 12) == 0 || strncmp(pair, "LC_ALL=", 7) == 0 ||
           (recipe->is_forced && strncmp(pair, "MAKEFLAGS=", 10) == 0);
}

/* One that only compiles has no use for what is said of linking. */
static const char *asan_flags(const struct dev_recipe *recipe)
{
    if (!recipe->has_asan)
        return "";
    return recipe->is_clang[false]
               ? " -fsanitize=address -shared-libasan -Wno-unused-command-line-argument"
               : " -fsanitize=address";
}

/* "B" among make's own flags, the first of which may stand there without their dash. */
static const char *make_flags(struct arena *arena)
{
    const char *own = getenv("MAKEFLAGS");
    bool is_bare = own && *own && *own != '-' && *own != ' ' && !strchr(own, '=');
    return arena_printf(arena, "MAKEFLAGS=-B %s%s", is_bare ? "-" : "", own ? own : "").at;
}

const char *const *dev_command_environment(const struct dev_recipe *recipe, struct arena *arena)
{
    struct words words = {.arena = arena};
    for (char **at = environ; *at; at++)
        if (!is_replaced(recipe, *at))
            add(&words, *at);
    add(&words, "LC_ALL=C.UTF-8");
    add(&words, arena_printf(arena, "GALE_CFLAGS=%s%s%s", recipe->include ? "-I" : "",
                             recipe->include ? recipe->include : "", asan_flags(recipe))
                    .at);
    if (recipe->is_forced)
        add(&words, make_flags(arena));
    return words.at;
}

struct gale_str dev_command_title(const struct dev_recipe *recipe, struct arena *arena)
{
    if (recipe->command)
        return str_of(recipe->command);
    struct words words = {.arena = arena};
    add_compiler(&words, has_cxx(recipe));
    struct gale_str title = str_of(words.at[0]);
    for (size_t i = 0; recipe->sources[i]; i++)
        title = arena_printf(arena, "%s %s", title.at, recipe->sources[i]);
    return title;
}

/* ---- compile_commands.json ---- */

static void put_json(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if ((unsigned char)*text >= ' ')
            fputc(*text, out);
    }
    fputc('"', out);
}

static void put_entry(FILE *out, const struct dev_recipe *recipe, size_t index, struct arena *arena)
{
    struct dev_command command;
    dev_command_compile(recipe, index, arena, &command);
    fputs(index ? ",\n" : "", out);
    fputs("  {\n    \"directory\": ", out);
    put_json(out, recipe->folder);
    fputs(",\n    \"file\": ", out);
    put_json(out, recipe->sources[index]);
    fputs(",\n    \"output\": ", out);
    put_json(out, command.object);
    fputs(",\n    \"arguments\": [", out);
    for (size_t i = 0; command.argv[i]; i++) {
        fputs(i ? ", " : "", out);
        put_json(out, command.argv[i]);
    }
    fputs("]\n  }", out);
}

/* One that names our scratch folder is ours. */
static bool is_somebody_elses(const char *path, const char *scratch)
{
    char line[4096];
    bool is_ours = false;
    FILE *in = fopen(path, "re");
    if (!in)
        return false;
    while (!is_ours && fgets(line, sizeof(line), in))
        is_ours = strstr(line, scratch);
    fclose(in);
    return !is_ours;
}

int dev_command_write_database(const struct dev_recipe *recipe)
{
    struct arena arena;
    scoped_free char *path = memory_printf("%s/compile_commands.json", recipe->folder);
    if (is_somebody_elses(path, recipe->scratch))
        return -EEXIST;
    FILE *out = fopen(path, "we");
    if (!out)
        return -errno;
    arena_init(&arena, NULL, 0);
    fputs("[\n", out);
    for (size_t i = 0; recipe->sources[i]; i++)
        put_entry(out, recipe, i, &arena);
    fputs("\n]\n", out);
    arena_finish(&arena);
    return fclose(out) == 0 ? 0 : -errno;
}
