/* Finding a plugin's file, and telling what it is without running it. */
#include "unit.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "adapters/plugin/plugin_file.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "fixtures.h"

START_TEST(finds_paths)
{
    static const char *const rows[][2] = {
        {"x.so", "/base/x.so"},
        {"build/x.so", "/base/build/x.so"},
        {"./x", "/base/./x"},
        {"/opt/x.so", "/opt/x.so"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[PATH_MAX];
        struct buffer why = {0};
        ck_assert_int_eq(plugin_file_find(rows[i][0], "/base", path, &why), 0);
        ck_assert_str_eq(path, rows[i][1]);
        buffer_finish(&why);
    }
}
END_TEST

static void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

/* plugins/ beside the running binary, which is this test. */
static const char *own_plugins(void)
{
    static char folder[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 16);
    folder[len > 0 ? len : 0] = 0;
    strcpy(strrchr(folder, '/'), "/plugins");
    mkdir(folder, 0700);
    return folder;
}

START_TEST(finds_names_beside_the_binary)
{
    char file[PATH_MAX + 16], path[PATH_MAX];
    struct buffer why = {0};
    snprintf(file, sizeof(file), "%s/%s", own_plugins(), "gallery.so");
    write_file(file, "x", 1);
    ck_assert_int_eq(plugin_file_find("gallery", "/base", path, &why), 0);
    ck_assert_str_eq(path, file);
    ck_assert_int_eq(plugin_file_find("galery", "/base", path, &why), -ENOENT);
    ck_assert_msg(str_starts_with(buffer_str(&why), STR("no plugin named 'galery' is installed")),
                  "%s", why.at);
    ck_assert_ptr_nonnull(strstr(why.at, "; installed are: gallery"));
    ck_assert_ptr_nonnull(strstr(why.at, "write a path such as ./galery.so"));
    why.len = 0;
    ck_assert_int_eq(plugin_file_find("", "/base", path, &why), -ENOENT);
    ck_assert_str_eq(why.at, "the key plugin is empty; name a file such as build/hello.so");
    buffer_finish(&why);
    unlink(file);
    rmdir(own_plugins());
}
END_TEST

/* Checks `path`; what it says has the path in front. */
static void check_refused(const char *path, int error, const char *says)
{
    struct buffer why = {0};
    char text[PATH_MAX + 256];
    ck_assert_int_eq(plugin_file_check(path, path, &why), error);
    snprintf(text, sizeof(text), "%s %s", path, says);
    ck_assert_str_eq(why.at, text);
    buffer_finish(&why);
}

START_TEST(tells_what_is_no_shared_object)
{
    Elf64_Ehdr elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64}, .e_type = ET_DYN};
    char folder[] = "/tmp/gale-file-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    check_refused("/nowhere/x.so", -ENOENT,
                  "does not exist; build the plugin first, or correct the key plugin (relative "
                  "paths start at the key base)");
    check_refused("/etc/passwd/x.so", -ENOENT,
                  "does not exist; build the plugin first, or correct the key plugin (relative "
                  "paths start at the key base)");
    check_refused(folder, -ENOEXEC, "is not a file; the key plugin names a file ending in .so");
    snprintf(path, sizeof(path), "%s/x.c", folder);
    write_file(path, "int x;", 6);
    check_refused(path, -ENOEXEC,
                  "is source code; compile it: cc -shared -fPIC -o PLUGIN.so SOURCE");
    unlink(path);
    snprintf(path, sizeof(path), "%s/x.so", folder);
    write_file(path, "", 0);
    check_refused(path, -ENOEXEC, "is not a shared object; compile one with cc -shared -fPIC");
    elf.e_machine = EM_ARM;
    write_file(path, &elf, sizeof(elf));
#ifdef __x86_64__
    check_refused(path, -ENOEXEC,
                  "is built for 32-bit ARM and this gale runs on x86-64; compile it on this "
                  "machine");
    elf.e_machine = EM_X86_64;
#else
    elf.e_machine = EM_AARCH64;
#endif
    elf.e_type = ET_REL;
    write_file(path, &elf, sizeof(elf));
    check_refused(path, -ENOEXEC, "is an object file; link it with cc -shared -o PLUGIN.so");
    elf.e_type = ET_EXEC;
    write_file(path, &elf, sizeof(elf));
    check_refused(path, -ENOEXEC, "is a program; build it with cc -shared -fPIC instead");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    check_refused(path, -ENOEXEC, "is not a file; the key plugin names a file ending in .so");
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(lets_shared_objects_pass)
{
    struct buffer why = {0};
    ck_assert_int_eq(plugin_file_check(fixture("ok.so"), "ok.so", &why), 0);
    ck_assert_int_eq(plugin_file_check(fixture("not_a_plugin.so"), "x.so", &why), 0);
    ck_assert_uint_eq(why.len, 0);
}
END_TEST

UNIT_MAIN(finds_paths, finds_names_beside_the_binary, tells_what_is_no_shared_object,
          lets_shared_objects_pass)
