/* test_copy_file.c - every size round the pieces, a writer, a device that is full. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "process/copy_file.h"
#include "unit.h"

static char path[] = "/tmp/gale-copy-XXXXXX";

static void write_source(size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    scoped_free char *bytes = memory_alloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static bool is_equal(int a, int b, size_t size)
{
    scoped_free char *left = memory_alloc(size + 1), *right = memory_alloc(size + 1);
    return pread(a, left, size + 1, 0) == (ssize_t)size &&
           pread(b, right, size + 1, 0) == (ssize_t)size && memcmp(left, right, size) == 0;
}

START_TEST(copies_every_size)
{
    static const size_t sizes[] = {0, 1, 15, 16, 4096, 262143, 262144, 262145, 1000000};
    char texts[ARRAY_LEN(sizes)][DIGEST_TEXT];
    close(mkstemp(path));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct copy_file copy;
        write_source(sizes[i]);
        int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
        ck_assert_int_eq(copy_file(from, to, &copy), 0);
        ck_assert(is_equal(from, to, sizes[i]));
        ck_assert_int_eq(copy.state.size, (off_t)sizes[i]);
        digest_print(&copy.digest, texts[i]);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(texts[i], texts[j]);
        close(from);
        close(to);
    }
    unlink(path);
}
END_TEST

START_TEST(refuses_while_somebody_writes)
{
    struct copy_file copy = {.is_full = false};
    int writer = mkstemp(path);
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
    ck_assert_int_eq(copy_file(from, to, &copy), -EBUSY);
    close(writer);
    ck_assert_int_eq(copy_file(from, to, &copy), 0);
    close(from);
    close(to);
    unlink(path);
}
END_TEST

START_TEST(tells_that_there_is_no_room)
{
    struct copy_file copy;
    close(mkstemp(path));
    write_source(100000);
    int from = open(path, O_RDONLY | O_CLOEXEC), to = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(copy_file(from, to, &copy), -ENOSPC);
    ck_assert(copy.is_full);
    close(from);
    close(to);
    unlink(path);
}
END_TEST

UNIT_MAIN(copies_every_size, refuses_while_somebody_writes, tells_that_there_is_no_room)
