/* plugin_file.c - which file, and whether it could be a plugin at all. */
#include "adapters/plugin/plugin_file.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/elf_file.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"

#ifndef GALE_PLUGIN_DIR
#define GALE_PLUGIN_DIR "/usr/local/lib/gale/plugins"
#endif

/* ---- which file ---- */

static bool is_path(const char *text)
{
    return strchr(text, '/') || str_ends_with(str_of(text), STR(".so"));
}

/* The folder that the running gale stands in. */
static void own_folder(char out[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[len > 0 ? len : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
}

enum { FOLDERS = 3 };

static void list_folders(char out[FOLDERS][PATH_MAX])
{
    char own[PATH_MAX];
    own_folder(own);
    snprintf(out[0], PATH_MAX, "%.*s/plugins", PATH_MAX - 32, own);
    snprintf(out[1], PATH_MAX, "%.*s/../lib/gale/plugins", PATH_MAX - 32, own);
    snprintf(out[2], PATH_MAX, "%s", GALE_PLUGIN_DIR);
}

/* The names of the plugins in a folder, separated by blanks. */
static void add_names(struct buffer *names, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (str_ends_with(str_of(entry->d_name), STR(".so")) && len > 3)
            buffer_printf(names, "%s%.*s", names->len ? ", " : "", (int)len - 3, entry->d_name);
    }
    closedir(dir);
}

static int find_name(const char *name, char out_path[PATH_MAX], struct buffer *why)
{
    char folders[FOLDERS][PATH_MAX];
    list_folders(folders);
    for (int i = 0; i < FOLDERS; i++) {
        int len = snprintf(out_path, PATH_MAX, "%s/%s.so", folders[i], name);
        if (len < PATH_MAX && access(out_path, F_OK) == 0)
            return 0;
    }
    struct buffer names = {0};
    for (int i = 0; i < FOLDERS; i++)
        add_names(&names, folders[i]);
    buffer_printf(why,
                  "no plugin named '%s' is installed (in %s or %s); installed are: %s; "
                  "for a file of your own write a path such as ./%s.so",
                  name, folders[0], folders[2], names.len ? names.at : "none", name);
    buffer_finish(&names);
    return -ENOENT;
}

int plugin_file_find(const char *text, const char *base, char out_path[PATH_MAX],
                     struct buffer *why)
{
    if (!*text) {
        buffer_add_text(why, "the key plugin is empty; name a file such as build/hello.so");
        return -ENOENT;
    }
    if (!is_path(text))
        return find_name(text, out_path, why);
    int len = *text == '/' ? snprintf(out_path, PATH_MAX, "%s", text)
                           : snprintf(out_path, PATH_MAX, "%s/%s", base, text);
    if (len < PATH_MAX)
        return 0;
    buffer_add_text(why, "the path of the plugin is too long");
    return -ENOENT;
}

/* ---- what it is ---- */

static const struct machine {
    unsigned number;
    const char *name;
} machines[] = {
    {EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "32-bit x86"}, {EM_ARM, "32-bit ARM"},
    {EM_RISCV, "RISC-V"},  {EM_PPC64, "ppc64"},     {EM_S390, "s390x"},
};

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#endif

static const char *machine_name(unsigned number)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (machines[i].number == number)
            return machines[i].name;
    return "another machine";
}

static int refuse(struct buffer *why, const char *path, int error, const char *text)
{
    buffer_printf(why, "%s %s", path, text);
    return error;
}

static int refuse_text(struct buffer *why, const char *path)
{
    struct gale_str name = str_of(path);
    bool is_source = str_ends_with(name, STR(".c")) || str_ends_with(name, STR(".cpp")) ||
                     str_ends_with(name, STR(".cc"));
    return refuse(why, path, -ENOEXEC,
                  is_source ? "is source code; compile it: cc -shared -fPIC -o PLUGIN.so SOURCE"
                            : "is not a shared object; compile one with cc -shared -fPIC");
}

static int check_header(const char *path, const Elf64_Ehdr *elf, struct buffer *why)
{
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
        return refuse_text(why, path);
    if (elf->e_machine == OWN_MACHINE && elf->e_ident[EI_CLASS] != ELFCLASS64)
        return refuse(why, path, -ENOEXEC, "is built for 32 bits; build it without -m32 or -mx32");
    if (elf->e_machine != OWN_MACHINE) {
        buffer_printf(why,
                      "%s is built for %s and this gale runs on %s; compile it on this machine",
                      path, machine_name(elf->e_machine), machine_name(OWN_MACHINE));
        return -ENOEXEC;
    }
    if (elf->e_type == ET_REL)
        return refuse(why, path, -ENOEXEC,
                      "is an object file; link it with cc -shared -o PLUGIN.so");
    if (elf->e_type != ET_DYN)
        return refuse(why, path, -ENOEXEC, "is a program; build it with cc -shared -fPIC instead");
    return 0;
}

/* What the loader would find out by a signal. */
static int check_whole(int fd, const char *name, struct buffer *why)
{
    struct elf_facts facts;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    int r = elf_file_read(fd, &arena, &facts);
    arena_finish(&arena);
    if (r == -ENODATA)
        return refuse(why, name, -ENOEXEC,
                      "is incomplete: it ends before its own headers say; build it again, or wait "
                      "until it is built");
    return 0;
}

int plugin_file_check(const char *path, const char *name, struct buffer *why)
{
    struct stat info;
    Elf64_Ehdr elf = {0};
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return refuse(why, name, -ENOENT,
                      "does not exist; build the plugin first, or correct the key plugin "
                      "(relative paths start at the key base)");
    if (fd < 0) {
        int error = -errno;
        buffer_printf(why, "%s cannot be opened (%s)%s", name, log_errno_name(error),
                      error == -EACCES ? "; make it readable for the user of the workers" : "");
        return error;
    }
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return refuse(why, name, -ENOEXEC,
                      "is not a file; the key plugin names a file ending in .so");
    if (pread(fd, &elf, sizeof(elf), 0) != (ssize_t)sizeof(elf))
        return refuse_text(why, name);
    int r = check_header(name, &elf, why);
    return r < 0 ? r : check_whole(fd, name, why);
}
