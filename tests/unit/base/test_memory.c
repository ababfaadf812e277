/* Memory that is always there, or the process is not. */
#include "unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/memory.h"

START_TEST(copies_and_formats)
{
    char *copy = memory_copy("a\0b", 3);
    ck_assert_int_eq(memcmp(copy, "a\0b", 4), 0);
    char *empty = memory_copy(NULL, 0);
    ck_assert_str_eq(empty, "");
    char *text = memory_printf("%s-%d", "x", 7);
    ck_assert_str_eq(text, "x-7");
    free(copy);
    free(empty);
    free(text);
}
END_TEST

START_TEST(nothing_is_something)
{
    void *none = memory_alloc(0);
    void *zeroed = memory_zalloc(0);
    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(zeroed);
    none = memory_realloc(none, 0);
    ck_assert_ptr_nonnull(none);
    free(none);
    free(zeroed);
}
END_TEST

START_TEST(zeroes_and_grows)
{
    char *at = memory_zalloc(16);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(at[i], 0);
    memcpy(at, "keep", 5);
    at = memory_realloc(at, 100000);
    ck_assert_str_eq(at, "keep");
    free(at);
}
END_TEST

/* The child says why and aborts; under ASan the allocator itself may be the one that does. */
START_TEST(too_much_aborts_with_a_word)
{
    char said[4096];
    int fd[2], status;
    ck_assert_int_eq(pipe(fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDERR_FILENO);
        volatile size_t size = (size_t)1 << 62;
        free(memory_alloc(size));
        _exit(0);
    }
    close(fd[1]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_ne(status, 0);
    ssize_t n = read(fd[0], said, sizeof(said) - 1);
    ck_assert_int_gt(n, 0);
    said[n] = 0;
    ck_assert(strstr(said, "gale: out of memory: there are no 4611686018427387904 bytes\n") ||
              strstr(said, "AddressSanitizer"));
    close(fd[0]);
}
END_TEST

UNIT_MAIN(copies_and_formats, nothing_is_something, zeroes_and_grows, too_much_aborts_with_a_word)
