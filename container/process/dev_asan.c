/* dev_asan.c - LD_PRELOAD, ASAN_OPTIONS, and ASan's text:
 *
 *   ==71==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011 at pc ...
 *   READ of size 1 at 0x602000000011 thread T0
 *       #0 0x7f3c in serve /srv/hello.c:12
 *       #1 0x55f1 in plugin_serve (/usr/bin/gale+0x1c) */
#include "process/dev_asan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/elf_file.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/setting.h"
#include "base/str.h"
#include "process/dev_command.h"
#include "process/dev_toolchain.h"

enum { REPORT_MOST = 256 * 1024 };

static const char prefix[] = "asan-report";
static const struct gale_str call_place = {"adapters/plugin/plugin.c:", 25};

/* ---- the environment ---- */

/* What the plugin itself names, where the compiler that knows it keeps it. */
static const char *find_named(const struct elf_facts *facts, struct arena *arena)
{
    for (size_t i = 0; i < facts->needed_count; i++) {
        struct gale_str needed = facts->needed[i];
        if (!memmem(needed.at, needed.len, "asan", 4))
            continue;
        const char *name = arena_copy(arena, needed.at, needed.len).at;
        const char *path = dev_toolchain_find_library(name);
        return path ? path : name;
    }
    return NULL;
}

static bool has_text(int fd, const char *text)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || !info.st_size)
        return false;
    size_t len = (size_t)info.st_size;
    void *at = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    bool is_there = at != MAP_FAILED && memmem(at, len, text, strlen(text));
    if (at != MAP_FAILED)
        (void)munmap(at, len);
    return is_there;
}

/* clang, if it is not told otherwise, leaves it to the program to bring the library. */
static const char *find_of_clang(void)
{
    static const char *const names[] = {
#if defined(__x86_64__)
        "libclang_rt.asan-x86_64.so",
#elif defined(__aarch64__)
        "libclang_rt.asan-aarch64.so",
#endif
        "libclang_rt.asan.so",
    };
    const char *path = NULL;
    for (size_t i = 0; !path && i < ARRAY_LEN(names); i++)
        path = dev_toolchain_find_library(names[i]);
    return path;
}

/* NULL: it needs none. */
static const char *find_library(const char *plugin, struct arena *arena)
{
    struct elf_facts facts;
    scoped_close int fd = open(plugin, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || elf_file_read(fd, arena, &facts) < 0)
        return NULL;
    const char *path = find_named(&facts, arena);
    return path || !has_text(fd, "__asan_init") ? path : find_of_clang();
}

static void add(struct setting_pairs *pairs, const char *name, const char *value)
{
    pairs->items[pairs->len++] = (struct setting_pair){.name = name, .value = value};
}

/* Leaks are not looked for: a worker that ends is not a program that ends. What the user says
 * himself comes last and counts. */
static const char *options(const struct dev_recipe *recipe, struct arena *arena)
{
    const char *own = getenv("ASAN_OPTIONS");
    return arena_printf(arena, "detect_leaks=0:log_path=%s/%s:%s", recipe->scratch, prefix,
                        own ? own : "")
        .at;
}

const struct setting_pairs *dev_asan_environment(const struct dev_recipe *recipe,
                                                 const struct setting_pairs *env,
                                                 struct arena *arena)
{
    const char *library = recipe->has_asan ? find_library(recipe->output, arena) : NULL;
    const char *preload = getenv("LD_PRELOAD");
    size_t count = env ? env->len : 0;
    if (!library)
        return env;
    struct setting_pairs *pairs = arena_zalloc(arena, sizeof(*pairs));
    pairs->items = arena_zalloc(arena, (count + 2) * sizeof(*pairs->items));
    for (size_t i = 0; i < count; i++)
        pairs->items[pairs->len++] = env->items[i];
    if (preload && *preload)
        library = arena_printf(arena, "%s:%s", library, preload).at;
    add(pairs, "LD_PRELOAD", library);
    add(pairs, "ASAN_OPTIONS", options(recipe, arena));
    return pairs;
}

/* ---- the file ---- */

char *dev_asan_take_report(const struct dev_recipe *recipe, int pid)
{
    scoped_free char *path = memory_printf("%s/%s.%d", recipe->scratch, prefix, pid);
    scoped_close int fd = recipe->has_asan ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    char *text = memory_zalloc(REPORT_MOST + 1);
    ssize_t n = read(fd, text, REPORT_MOST);
    (void)unlink(path);
    if (n > 0)
        return text;
    free(text);
    return NULL;
}

void dev_asan_mark(const struct dev_recipe *recipe)
{
    if (!recipe->has_asan || !recipe->asan_mark)
        return;
    int fd = open(recipe->asan_mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
}

void dev_asan_sweep(const struct dev_recipe *recipe)
{
    DIR *dir = recipe->has_asan ? opendir(recipe->scratch) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

/* ---- the text ---- */

static struct gale_str behind(struct gale_str line, const char *mark)
{
    const char *at = memmem(line.at, line.len, mark, strlen(mark));
    if (!at)
        return (struct gale_str){0};
    at += strlen(mark);
    return (struct gale_str){at, line.len - (size_t)(at - line.at)};
}

static struct gale_str until(struct gale_str line, const char *mark)
{
    const char *at = memmem(line.at, line.len, mark, strlen(mark));
    return at ? (struct gale_str){line.at, (size_t)(at - line.at)} : line;
}

/* "serve /srv/hello.c:12:5", "serve (/usr/bin/gale+0x1c)" or "serve hello.c:12": both halves may
 * have blanks in them. */
static void put_frame(struct gale_str frame, struct buffer *stack)
{
    const char *blank = memmem(frame.at, frame.len, " /", 2);
    if (!blank)
        blank = memrchr(frame.at, ' ', frame.len);
    size_t len = blank ? (size_t)(blank - frame.at) : frame.len;
    struct gale_str place = {frame.at + len, frame.len - len}, rest = str_trim(place);
    struct gale_str file = str_cut(&rest, ':'), line = rest.at ? str_cut(&rest, ':') : STR("");
    uint64_t number = 0;
    buffer_add(stack, frame.at, len);
    if (str_to_u64(line, &number) == 0)
        buffer_printf(stack, "\t%.*s\t%llu", (int)file.len, file.at, (unsigned long long)number);
    else
        buffer_add_text(stack, "\t\t");
}

/* gale's call of the plugin, below which is what each stack has: a symbolizer that finds gale's
 * sources tells all of it. */
static bool is_gale(struct gale_str frame)
{
    return str_starts_with(frame, STR("plugin_")) &&
           memmem(frame.at, frame.len, call_place.at, call_place.len);
}

void dev_asan_read(struct gale_str report, struct buffer *what, struct buffer *stack)
{
    bool is_within = false;
    unsigned depth = 0;
    buffer_add_text(what, "");
    buffer_add_text(stack, "");
    while (report.at) {
        struct gale_str line = str_cut(&report, '\n'), error = behind(line, "ERROR: ");
        struct gale_str frame = behind(line, " in ");
        bool is_frame = str_starts_with(str_trim(line), STR("#")) && frame.at && !is_gale(frame);
        if (error.at && !what->len)
            buffer_add_str(what, until(error, " at pc "));
        if (str_starts_with(line, STR("READ of ")) || str_starts_with(line, STR("WRITE of ")))
            buffer_printf(what, ": %.*s", (int)until(line, " at ").len, line.at);
        if (is_frame) {
            put_frame(frame, stack);
            buffer_printf(stack, "\t%u\n", depth++);
        }
        if (is_within && !is_frame) /* the first stack is where it happened */
            return;
        is_within = is_frame;
    }
}
