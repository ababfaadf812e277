/* dev_project.c - looks at files and folders; makes the folder .gale for what is built. */
#include "cli/dev_project.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/conf_file.h"
#include "cli/plugin_conf.h"
#include "process/dev_inputs.h"

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool has_file(const char *folder, const char *name)
{
    scoped_free char *path = memory_printf("%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

/* ---- where things are ---- */

/* gale stands in a build folder of its tree, or in bin beside include. */
static const char *find_include(struct arena *arena)
{
    char own[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[len > 0 ? len : 0] = 0;
    for (int up = 0; up < 4; up++) {
        char *slash = strrchr(own, '/');
        if (!slash)
            return NULL;
        *slash = 0;
        scoped_free char *header = memory_printf("%s/include/gale/gale.h", own);
        if (access(header, R_OK) == 0)
            return arena_printf(arena, "%s/include", own).at;
    }
    return NULL;
}

static void write_ignore(const char *scratch)
{
    scoped_free char *path = memory_printf("%s/.gitignore", scratch);
    FILE *out = access(path, F_OK) == 0 ? NULL : fopen(path, "we");
    if (!out)
        return;
    fputs("*\n", out);
    fclose(out);
}

/* Beside the sources, where one looks for it; where that may not be, among the temporary files. */
static int make_scratch(struct dev_project *project, const char *folder, bool has_asan)
{
    const char *temporary = getenv("TMPDIR");
    const char *path = arena_printf(&project->arena, "%s/.gale", folder).at;
    if (mkdir(path, 0777) < 0 && (!is_folder(path) || access(path, W_OK) < 0)) {
        path = arena_printf(&project->arena, "%s/gale-dev-XXXXXX",
                            temporary && *temporary ? temporary : "/tmp")
                   .at;
        if (!mkdtemp((char *)path)) {
            fprintf(stderr, "gale dev: %s: %s; say with TMPDIR where files can be made\n", path,
                    strerror(errno));
            return COMMAND_FAILED;
        }
        project->temporary = path;
    }
    write_ignore(path);
    if (project->recipe.command)
        project->recipe.asan_mark = arena_printf(&project->arena, "%s/built-with-asan", path).at;
    if (has_asan) {
        path = arena_printf(&project->arena, "%s/asan", path).at;
        (void)mkdir(path, 0777);
    }
    project->recipe.scratch = path;
    return COMMAND_OK;
}

/* ---- recipes ---- */

/* The name of a file or folder as an app may be called. */
static const char *name_of(struct dev_project *project, const char *path)
{
    const char *slash = strrchr(path, '/'), *at = slash && slash[1] ? slash + 1 : path;
    size_t len = strcspn(at, ".");
    char *name = (char *)arena_copy(&project->arena, len ? at : "app", len ? len : 3).at;
    for (char *c = name; *c; c++)
        *c = (char)(isascii(*c) && (isalnum(*c) || *c == '_' || *c == '-') ? tolower(*c) : '-');
    if (strlen(name) > 40)
        name[40] = 0;
    return name;
}

/* One app at /, made by the recipe in the folder. */
static int plan(struct dev_project *project, const char *folder, const char *named_after,
                bool has_asan)
{
    struct dev_recipe *recipe = &project->recipe;
    int r = make_scratch(project, folder, has_asan);
    if (r != COMMAND_OK)
        return r;
    project->name = name_of(project, named_after);
    recipe->folder = folder;
    recipe->include = project->include;
    recipe->has_asan = has_asan;
    recipe->output = arena_printf(&project->arena, "%s/%s.so", recipe->scratch, project->name).at;
    scoped_free char *text = plugin_conf_write(recipe->output);
    project->text = arena_copy(&project->arena, text, strlen(text)).at;
    if (recipe->sources)
        (void)dev_command_write_database(recipe); /* editors do without it, too */
    return COMMAND_OK;
}

static int open_file(struct dev_project *project, const char *path, bool has_asan)
{
    struct arena *arena = &project->arena;
    const char *slash = strrchr(path, '/');
    const char **sources = arena_zalloc(arena, 2 * sizeof(*sources));
    sources[0] = arena_copy(arena, slash + 1, strlen(slash + 1)).at;
    project->recipe.sources = sources;
    const char *folder = slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path)).at;
    return plan(project, folder, path, has_asan);
}

static int open_folder(struct dev_project *project, const char *folder, bool has_asan)
{
    struct dev_recipe *recipe = &project->recipe;
    if (has_file(folder, "gale.ini")) {
        project->path = arena_printf(&project->arena, "%s/gale.ini", folder).at;
        return COMMAND_OK;
    }
    if (has_file(folder, "Makefile") || has_file(folder, "makefile") ||
        has_file(folder, "GNUmakefile")) {
        recipe->command = "make";
        recipe->is_link = true;
        return plan(project, folder, folder, has_asan);
    }
    recipe->sources = dev_inputs_list_sources(folder, &project->arena);
    recipe->takes_all = true;
    if (!recipe->sources[0]) {
        fprintf(stderr,
                "gale dev: %s has no gale.ini, no Makefile and no C or C++ sources; name another "
                "folder or a file, or begin a plugin: gale new NAME\n",
                project->path);
        return COMMAND_WRONG;
    }
    return plan(project, folder, folder, has_asan);
}

/* ---- what cannot be taken ---- */

static bool ends_with_any(const char *name, const char *const *endings)
{
    for (; *endings; endings++)
        if (str_ends_with(str_of(name), str_of(*endings)))
            return true;
    return false;
}

static bool is_makefile(const char *name)
{
    return strcmp(name, "Makefile") == 0 || strcmp(name, "makefile") == 0 ||
           strcmp(name, "GNUmakefile") == 0;
}

/* Its name says so, or the first line that is no comment. */
static bool is_conf(const char *path)
{
    static const char *const endings[] = {".ini", ".conf", NULL};
    char line[256] = "";
    if (ends_with_any(path, endings))
        return true;
    FILE *in = fopen(path, "re");
    bool is_over = !in;
    while (!is_over && fgets(line, sizeof(line), in))
        is_over = !strchr(";#\r\n", line[strspn(line, " \t")]);
    if (in)
        fclose(in);
    const char *first = line + strspn(line, " \t");
    return is_over && (*first == '[' || strncmp(first, "include", 7) == 0);
}

/* Why a file that is no source is none to begin with, or NULL: it may be a configuration. */
static const char *find_fault(const char *path)
{
    static const char *const headers[] = {".h", ".hh", ".hpp", NULL};
    static const char *const built[] = {".so", ".o", ".a", NULL};
    static const char *const others[] = {".rs", ".go", ".zig", ".d", ".swift", ".nim", NULL};
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISREG(info.st_mode))
        return "is no file that could be built; name a source file, a folder or a configuration";
    if (is_makefile(strrchr(path, '/') + 1))
        return "is what make reads; name its folder";
    if (ends_with_any(path, headers))
        return "is a header; name the source that includes it, or the folder";
    if (ends_with_any(path, built))
        return "is nothing that is built here; name its source, its folder or a configuration "
               "(gale run serves what is built)";
    if (ends_with_any(path, others))
        return "is not C or C++: write a gale.ini whose key `build` is the command that makes the "
               "plugin (docs/developing.md shows one), or a Makefile";
    if (!is_conf(path))
        return "is no C or C++ source and no configuration, which ends in .ini or begins with a "
               "[SECTION]; name a source file, a folder or a configuration";
    return NULL;
}

/* ---- opening ---- */

int dev_project_open(struct dev_project *project, const char *given, bool has_asan)
{
    char path[PATH_MAX];
    *project = (struct dev_project){.path = given};
    arena_init(&project->arena, NULL, 0);
    project->include = find_include(&project->arena);
    if (!given)
        project->path = given = conf_file_default() ? conf_file_default() : ".";
    if (!realpath(given, path)) {
        fprintf(stderr, "gale dev: %s: %s; name a source file, a folder or a configuration\n",
                *given ? given : "''", strerror(errno));
        return COMMAND_WRONG;
    }
    const char *absolute = arena_copy(&project->arena, path, strlen(path)).at;
    if (is_folder(path))
        return open_folder(project, absolute, has_asan);
    if (dev_inputs_is_source(strrchr(path, '/') + 1))
        return open_file(project, absolute, has_asan);
    const char *fault = find_fault(path);
    if (!fault)
        return COMMAND_OK;
    fprintf(stderr, "gale dev: %s %s\n", given, fault);
    return COMMAND_WRONG;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void dev_project_close(struct dev_project *project)
{
    if (project->temporary)
        (void)nftw(project->temporary, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    arena_finish(&project->arena);
}
