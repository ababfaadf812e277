/* One upload: in memory up to its limit, in a file above it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <gale/request.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/macros.h"
#include "http/upload.h"
#include "loop/ioloop.h"
#include "loop/offload.h"
#include "loop/task.h"

static void fill(char *at, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (char)('a' + (from + i) % 23);
}

/* Sends `total` bytes in pieces through an upload and compares what comes out. */
static void pass(struct upload *upload, uint64_t limit, size_t total, size_t piece)
{
    static char sent[300000], got[300000];
    struct arena arena;
    struct gale_file file;
    arena_init(&arena, NULL, 0);
    fill(sent, 0, total);
    upload_begin(upload, limit);
    for (size_t at = 0; at < total; at += piece)
        ck_assert_int_eq(upload_add(upload, sent + at, total - at < piece ? total - at : piece), 0);
    ck_assert_int_eq(upload_end(upload, &arena, &file), 0);
    ck_assert_int_eq(file.size, total);
    ck_assert((file.fd < 0) == (total <= limit));
    if (file.fd < 0) {
        ck_assert_uint_eq(file.data.len, total);
        ck_assert_int_eq(memcmp(file.data.at, sent, total), 0);
        ck_assert_int_eq(file.data.at[total], 0);
    } else {
        struct stat info;
        ck_assert_int_eq(fstat(file.fd, &info), 0);
        ck_assert_int_eq(info.st_size, total);
        ck_assert_uint_eq(info.st_nlink, 0); /* nothing to find for anybody else */
        ck_assert_int_eq(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(read(file.fd, got, sizeof(got)), total);
        ck_assert_int_eq(memcmp(got, sent, total), 0);
        close(file.fd);
    }
    arena_finish(&arena);
}

static void pass_all(void)
{
    static const struct {
        uint64_t limit;
        size_t total, piece;
    } rows[] = {
        {100, 0, 1},
        {100, 100, 7},
        {100, 101, 7},
        {0, 1, 1},
        {100, 300000, 999},
        {65536, 65537, 8192},
        {UINT64_MAX, 200000, 8192},
        {10, 65536, 65536},
    };
    struct upload upload = {.fd = -1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        pass(&upload, rows[i].limit, rows[i].total, rows[i].piece);
    upload_finish(&upload);
}

START_TEST(keeps_every_byte)
{
    pass_all();
}
END_TEST

static struct ioloop *loop;

static void pass_on_task(void *data)
{
    (void)data;
    pass_all();
    ioloop_stop(loop);
}

START_TEST(writes_on_threads_when_on_a_task)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(task_spawn(loop, pass_on_task, NULL, 0, NULL), 0);
    ioloop_run(loop);
    offload_stop();
    ioloop_destroy(loop);
}
END_TEST

START_TEST(gives_up_what_was_not_ended)
{
    struct upload upload = {.fd = -1};
    upload_begin(&upload, 10);
    ck_assert_int_eq(upload_add(&upload, "12345678901", 11), 0);
    ck_assert_int_ge(upload.fd, 0);
    upload_finish(&upload); /* the harness counts descriptors */
    ck_assert_int_eq(upload.fd, -1);
}
END_TEST

START_TEST(says_when_there_is_no_room)
{
    struct upload upload = {.fd = -1};
    setenv("TMPDIR", "/nowhere/at/all", 1);
    upload_begin(&upload, 0);
    ck_assert_int_eq(upload_add(&upload, "x", 1), -ENOENT);
    upload_finish(&upload);
    setenv("TMPDIR", "", 1);
    upload_begin(&upload, 0);
    ck_assert_int_eq(upload_add(&upload, "x", 1), 0);
    close(upload.fd);
    upload.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct arena arena;
    struct gale_file file;
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(upload_end(&upload, &arena, &file), -ENOSPC);
    upload_finish(&upload);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(keeps_every_byte, writes_on_threads_when_on_a_task, gives_up_what_was_not_ended,
          says_when_there_is_no_room)
