/* The plain transport: what each row of the table promises, without a stream's help. */
#include "net_fixture.h"

#include <poll.h>

static struct link pair;

START_TEST(reads_and_writes_without_waiting)
{
    static char big[1024 * 1024];
    char got[16] = "";
    struct iovec two[2] = {{(char *)(uintptr_t) "ab", 2}, {(char *)(uintptr_t) "cd", 2}};
    struct iovec much = {big, sizeof(big)};
    for (size_t i = 0; i < 2; i++) {
        link_open(&pair, &setups[i]);
        const struct transport *t = pair.a.transport;
        ck_assert_str_eq(t->name, "plain");
        ck_assert_int_eq(t->read(&pair.b, got, sizeof(got)), -EAGAIN);
        ck_assert_int_eq(t->write(&pair.a, two, 2, 0), 4);
        ck_assert_int_eq(t->read(&pair.b, got, sizeof(got)), 4);
        ck_assert_str_eq(got, "abcd");
        ck_assert_uint_eq(t->pending(&pair.b), 0);
        ssize_t n = 0;
        for (int k = 0; k < 100 && n >= 0; k++)
            n = t->write(&pair.a, &much, 1, 0);
        ck_assert_int_eq(n, -EAGAIN);
        link_close(&pair);
    }
}
END_TEST

START_TEST(ends_and_breaks_without_a_signal)
{
    char got[4];
    struct iovec one = {got, 1};
    for (size_t i = 0; i < 2; i++) {
        link_open(&pair, &setups[i]);
        signal(SIGPIPE, SIG_DFL);
        const struct transport *t = pair.a.transport;
        ck_assert_int_eq(t->end(&pair.a), 0);
        ck_assert_int_eq(t->read(&pair.b, got, 4), 0);
        ck_assert_int_eq(t->write(&pair.a, &one, 1, 0), -EPIPE);
        ck_assert_int_eq(t->write(&pair.b, &one, 1, 0), 1);
        ck_assert_int_eq(t->read(&pair.a, got, 4), 1);
        reset(&pair.b);
        ck_assert_int_le(t->read(&pair.a, got, 4), 0);
        link_close(&pair);
    }
}
END_TEST

/* A head and its file leave as one segment. */
START_TEST(more_holds_bytes_back)
{
    char got[16];
    FILE *file = tmpfile();
    struct iovec head = {(char *)(uintptr_t) "head", 4};
    fputs("the file", file);
    fflush(file);
    link_open(&pair, &setups[0]);
    const struct transport *t = pair.a.transport;
    struct pollfd state = {.fd = pair.b.fd, .events = POLLIN};
    ck_assert_int_eq(t->write(&pair.a, &head, 1, 1), 4);
    ck_assert_int_eq(poll(&state, 1, 0), 0);
    ck_assert_int_eq(t->send_file(&pair.a, fileno(file), 4, 100), 4);
    ck_assert_int_eq(poll(&state, 1, 1000), 1);
    ck_assert_int_eq(t->read(&pair.b, got, sizeof(got)), 8);
    ck_assert_int_eq(memcmp(got, "headfile", 8), 0);
    ck_assert_int_eq(t->send_file(&pair.a, fileno(file), 8, 100), 0);
    link_close(&pair);
    fclose(file);
}
END_TEST

UNIT_MAIN(reads_and_writes_without_waiting, ends_and_breaks_without_a_signal, more_holds_bytes_back)
