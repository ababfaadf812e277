/* dev_inputs.c - walks over folders, not deep and not for long. */
#include "process/dev_inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/dev_depends.h"

enum { DEPTH_MAX = 6, FILES_MAX = 4000, SOURCES_MAX = 512 };

struct walk {
    const struct dev_inputs_place *place; /* NULL: everything is the build's */
    bool enters_builds;                   /* also folders that hold what was built */
    size_t left;
    void (*on_file)(void *data, const char *path, const struct stat *info);
    void (*on_folder)(void *data, const struct stat *info); /* NULL: nobody asks */
    void *data;
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool enters(const struct walk *walk, const char *name)
{
    static const char *const tools[] = {"node_modules", "zig-cache", "__pycache__"};
    static const char *const builds[] = {"build", "target", "zig-out", "_build", "out", "dist"};
    if (name[0] == '.' || is_one_of(name, tools, ARRAY_LEN(tools)))
        return false;
    return walk->enters_builds || !is_one_of(name, builds, ARRAY_LEN(builds));
}

static bool is_passed(const struct walk *walk, const struct stat *info)
{
    const struct dev_inputs_place *place = walk->place;
    return place && place->is_passed && place->is_passed(place->data, info);
}

static void walk_folder(struct walk *walk, const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    struct stat info;
    if (!dir)
        return;
    if (walk->on_folder && fstat(dirfd(dir), &info) == 0)
        walk->on_folder(walk->data, &info);
    for (struct dirent *entry; walk->left && (entry = readdir(dir));) {
        scoped_free char *path = memory_printf("%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &info) < 0)
            continue;
        walk->left--;
        if (is_passed(walk, &info))
            continue;
        if (S_ISREG(info.st_mode))
            walk->on_file(walk->data, path, &info);
        else if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX && enters(walk, entry->d_name))
            walk_folder(walk, path, depth + 1);
    }
    closedir(dir);
}

/* ---- inputs ---- */

bool dev_inputs_is_input(const char *path)
{
    static const struct gale_str endings[] = {STR(".so"),      STR(".o"),
                                              STR(".a"),       STR(".d"),
                                              STR(".lo"),      STR(".log"),
                                              STR("~"),        STR(".swp"),
                                              STR(".tmp"),     STR(".new"),
                                              STR("#"),        STR("4913"),
                                              STR(".pid"),     STR("compile_commands.json"),
                                              STR(".db"),      STR(".sqlite"),
                                              STR(".sqlite3"), STR("-wal"),
                                              STR("-shm"),     STR("-journal")};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(str_of(path), endings[i]))
            return false;
    return true;
}

/* What we say ourselves changes whenever something was built. */
static bool is_own_output(const struct stat *info)
{
    struct stat own;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (fstat(fd, &own) == 0 && own.st_dev == info->st_dev && own.st_ino == info->st_ino)
            return true;
    return false;
}

static void add_input(void *data, const char *path, const struct stat *info)
{
    if (dev_inputs_is_input(path) && !is_own_output(info))
        dev_inputs_add(data, str_of(path));
}

void dev_inputs_add_folder(struct dev_inputs *inputs, const struct dev_inputs_place *place)
{
    struct walk walk = {.place = place, .left = FILES_MAX, .on_file = add_input, .data = inputs};
    walk_folder(&walk, place->folder, 0);
}

/* ---- the stamp ---- */

static void stamp_file(void *data, const char *path, const struct stat *info)
{
    uint64_t *stamp = data;
    uint64_t hash = 0xcbf29ce484222325;
    (void)info; /* which files there are; when they change is for the watch */
    for (const char *at = path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    *stamp += dev_inputs_is_input(path) ? hash : 0;
}

static void stamp_code(void *data, const char *path, const struct stat *info)
{
    static const struct gale_str endings[] = {STR(".c"),   STR(".h"),   STR(".cc"),  STR(".hh"),
                                              STR(".cpp"), STR(".hpp"), STR(".cxx"), STR(".inc")};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(str_of(path), endings[i]))
            stamp_file(data, path, info);
}

uint64_t dev_inputs_stamp(const struct dev_inputs_place *place, bool is_code)
{
    uint64_t stamp = 0;
    struct walk walk = {.place = place,
                        .left = FILES_MAX,
                        .on_file = is_code ? stamp_code : stamp_file,
                        .data = &stamp};
    walk_folder(&walk, place->folder, 0);
    return stamp;
}

/* ---- sources ---- */

bool dev_inputs_is_source(const char *name)
{
    static const struct gale_str endings[] = {STR(".c"), STR(".cc"), STR(".cpp"), STR(".cxx")};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(str_of(name), endings[i]) && name[0] != '.')
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *dev_inputs_list_sources(const char *folder, struct arena *arena)
{
    const char **sources = arena_zalloc(arena, (SOURCES_MAX + 1) * sizeof(*sources));
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && count < SOURCES_MAX && (entry = readdir(dir));)
        if (dev_inputs_is_source(entry->d_name))
            sources[count++] = arena_copy(arena, entry->d_name, strlen(entry->d_name)).at;
    if (dir)
        closedir(dir);
    qsort(sources, count, sizeof(*sources), compare);
    return sources;
}

/* ---- what was built ---- */

struct newest {
    char *path; /* owned */
    struct timespec made;
};

static void keep_newest(void *data, const char *path, const struct stat *info)
{
    struct newest *newest = data;
    struct timespec made = info->st_mtim;
    if (!str_ends_with(str_of(path), STR(".so")))
        return;
    if (newest->path &&
        (made.tv_sec < newest->made.tv_sec ||
         (made.tv_sec == newest->made.tv_sec && made.tv_nsec <= newest->made.tv_nsec)))
        return;
    free(newest->path);
    *newest = (struct newest){memory_copy(path, strlen(path)), made};
}

char *dev_inputs_find_plugin(const char *folder)
{
    struct newest newest = {0};
    struct walk walk = {
        .enters_builds = true, .left = FILES_MAX, .on_file = keep_newest, .data = &newest};
    walk_folder(&walk, folder, 0);
    return newest.path;
}
