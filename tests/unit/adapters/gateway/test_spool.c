/* Bytes kept: in order, in memory and in the file, within the limit, over any pattern of use. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/gateway/spool.h"
#include "base/macros.h"
#include "loop/offload.h"
#include "loop/task.h"

static unsigned char expected(uint64_t position)
{
    return (unsigned char)(position * 31 + (position >> 8) * 7);
}

static uint64_t written, taken;

static int write_some(struct spool *spool, size_t len)
{
    static unsigned char block[70000];
    for (size_t i = 0; i < len; i++)
        block[i] = expected(written + i);
    int r = spool_write(spool, block, len, NULL);
    if (r == 0)
        written += len;
    return r;
}

static size_t read_some(struct spool *spool, size_t len)
{
    static unsigned char block[70000];
    ssize_t n = spool_read(spool, block, len);
    ck_assert_int_ge(n, 0);
    ssize_t same = 0; /* one assertion for all: each costs Check a system call */
    while (same < n && block[same] == expected(taken + (uint64_t)same))
        same++;
    ck_assert_int_eq(same, n);
    taken += (uint64_t)n;
    ck_assert_uint_eq(spool_left(spool), written - taken);
    return (size_t)n;
}

static void begin(struct spool *spool, size_t memory_max, uint64_t limit)
{
    spool_init(spool, memory_max, limit);
    written = taken = 0;
}

START_TEST(keeps_little_in_memory)
{
    struct spool spool;
    begin(&spool, 10000, 1000000);
    ck_assert_uint_eq(read_some(&spool, 10), 0);
    ck_assert_int_eq(write_some(&spool, 0), 0);
    ck_assert_int_eq(write_some(&spool, 10), 0);
    ck_assert_int_eq(write_some(&spool, 9990), 0);
    ck_assert_int_eq(spool.fd, -1);
    ck_assert_uint_eq(read_some(&spool, 0), 0);
    ck_assert_uint_eq(read_some(&spool, 20000), 10000);
    ck_assert_uint_eq(read_some(&spool, 10), 0);
    ck_assert_int_eq(write_some(&spool, 10000), 0); /* the room is there again */
    ck_assert_int_eq(spool.fd, -1);
    spool_finish(&spool);
    ck_assert_uint_eq(spool_left(&spool), 0);
    spool_finish(&spool);
}
END_TEST

START_TEST(keeps_much_in_a_file)
{
    struct spool spool;
    begin(&spool, 1000, 1000000);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(write_some(&spool, 70000), 0);
    ck_assert_int_ge(spool.fd, 0);
    while (read_some(&spool, 33333))
        ;
    ck_assert_uint_eq(taken, 700000);
    spool_finish(&spool);
    begin(&spool, 0, 1000000); /* no memory at all */
    ck_assert_int_eq(write_some(&spool, 5), 0);
    ck_assert_uint_eq(read_some(&spool, 100), 5);
    spool_finish(&spool);
}
END_TEST

START_TEST(has_a_limit)
{
    struct spool spool;
    struct stat st;
    begin(&spool, 100, 1000);
    ck_assert_int_eq(write_some(&spool, 1001), -EMSGSIZE);
    ck_assert_int_eq(write_some(&spool, 999), 0);
    ck_assert_int_eq(write_some(&spool, 2), -EMSGSIZE);
    ck_assert_int_eq(write_some(&spool, 1), 0);
    ck_assert_int_eq(write_some(&spool, 1), -EMSGSIZE);
    for (int i = 0; i < 1000; i++) { /* what was taken makes room; the file goes in a circle */
        size_t n = read_some(&spool, 77);
        ck_assert_int_eq(write_some(&spool, n), 0);
    }
    ck_assert_int_eq(fstat(spool.fd, &st), 0);
    ck_assert_int_le(st.st_size, 1000);
    spool_finish(&spool);
    begin(&spool, 100, 0);
    ck_assert_int_eq(write_some(&spool, 1), -EMSGSIZE);
    ck_assert_int_eq(write_some(&spool, 0), 0);
    ck_assert_uint_eq(read_some(&spool, 1), 0);
    spool_finish(&spool);
}
END_TEST

START_TEST(keeps_order_whatever_happens)
{
    static const struct {
        size_t memory;
        uint64_t limit;
    } rows[] = {{0, 50000}, {1, 7}, {4096, 5000}, {10000, 10000}, {30000, 90000}, {90000, 90000}};
    unsigned seed = 7;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool spool;
        begin(&spool, rows[i].memory, rows[i].limit);
        for (int step = 0; step < 3000; step++) {
            size_t n = (size_t)rand_r(&seed) % (step % 7 ? 900 : 20000);
            if (rand_r(&seed) % 2)
                (void)read_some(&spool, n);
            else if (written - taken + n > rows[i].limit)
                ck_assert_int_eq(write_some(&spool, n), -EMSGSIZE);
            else
                ck_assert_int_eq(write_some(&spool, n), 0);
        }
        spool_finish(&spool);
    }
}
END_TEST

START_TEST(says_that_there_is_no_folder)
{
    struct spool spool;
    setenv("TMPDIR", "/nowhere", 1);
    begin(&spool, 10, 100);
    ck_assert_int_eq(write_some(&spool, 10), 0);
    ck_assert_int_eq(write_some(&spool, 1), -ENOENT);
    ck_assert_uint_eq(read_some(&spool, 10), 10);
    spool_finish(&spool);
}
END_TEST

static bool is_over;

/* On a task; a file system may refuse to move bytes at once, so threads may take part. */
static void use_on_task(void *data)
{
    struct spool *spool = data;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(write_some(spool, 50000), 0);
    while (read_some(spool, 65536))
        ;
    ck_assert_uint_eq(taken, 1000000);
    is_over = true;
}

START_TEST(works_on_a_task)
{
    struct ioloop *loop;
    struct spool spool;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    begin(&spool, 1000, 2000000);
    ck_assert_int_eq(task_spawn(loop, use_on_task, &spool, 0, NULL), 0);
    while (!is_over)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    spool_finish(&spool);
    offload_stop();
    ioloop_destroy(loop);
}
END_TEST

UNIT_MAIN(keeps_little_in_memory, keeps_much_in_a_file, has_a_limit, keeps_order_whatever_happens,
          says_that_there_is_no_folder, works_on_a_task)
