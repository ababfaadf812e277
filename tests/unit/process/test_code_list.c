/* test_code_list.c - what the master writes, the worker reads; nothing else. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/code.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "process/code_list.h"
#include "process/copies.h"
#include "unit.h"

static struct arena arena;
static struct code *codes;
static size_t count;

START_TEST(reads_what_is_written)
{
    struct app_config apps[] = {{.name = "files"}, {.name = "none"}, {.name = "memory"}};
    const struct config config = {.apps = apps, .app_count = ARRAY_LEN(apps)};
    int fds[] = {11, 12, 13};
    const struct copied disk = {.original = (char *)"/srv/a b.so",
                                .path = (char *)"/run/1/srv/a b.so",
                                .root = (char *)"/run/1"};
    const struct copied memory = {.original = (char *)"/m.so",
                                  .path = (char *)"/proc/self/fd/13",
                                  .root = (char *)"",
                                  .fds = fds,
                                  .fd_count = 3};
    const struct copied *const copies[] = {&disk, NULL, &memory};
    int fd = code_list_write(&config, copies);
    ck_assert_int_ge(fd, 0);
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(code_list_read(fd, &arena, &codes, &count), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(codes[0].app, "files");
    ck_assert_str_eq(codes[0].original, disk.original);
    ck_assert_str_eq(codes[0].path, disk.path);
    ck_assert_str_eq(codes[0].root, disk.root);
    ck_assert_uint_eq(codes[0].first_count, 0);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/13", (int)getpid());
    ck_assert_str_eq(codes[1].path, path);
    ck_assert_uint_eq(codes[1].first_count, 2);
    ck_assert_int_eq(codes[1].first[1], 12);
    arena_finish(&arena);
    close(fd);
}
END_TEST

static int read_text(const char *text, size_t len)
{
    int fd = memfd_create("list", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    arena_init(&arena, NULL, 0);
    int r = code_list_read(fd, &arena, &codes, &count);
    arena_finish(&arena);
    close(fd);
    return r;
}

START_TEST(refuses_what_no_master_writes)
{
    static const char *const rows[] = {"a", "a\0b\0c\0d", "a\0b\0c\0d\0-1", "a\0b\0c\0d\0x",
                                       "a\0b\0c\0d\0"
                                       "1,2"};
    static const size_t lens[] = {1, 8, 11, 10, 12};
    ck_assert_int_eq(read_text("", 0), 0);
    ck_assert_uint_eq(count, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(read_text(rows[i], lens[i]) == -EBADMSG, "%zu", i);
    ck_assert_int_eq(read_text("a\0b\0c\0d\0"
                               "7 8",
                               12),
                     0);
    ck_assert_uint_eq(count, 1);
}
END_TEST

UNIT_MAIN(reads_what_is_written, refuses_what_no_master_writes)
