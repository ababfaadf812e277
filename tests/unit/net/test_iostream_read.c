/* Reading in all its forms: framing, limits and ends. */
#include "net_fixture.h"

#include "base/clock.h"
#include "net/iobuf.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static void expect_empty(const struct iostream *stream)
{
    ck_assert_ptr_null(stream->in);
    ck_assert_ptr_null(stream->out);
    ck_assert_uint_eq(iostream_buffered(stream).len, 0);
}

static void expect_frame(struct iostream *stream, const char *delimiter, const char *expected)
{
    char *at;
    long n = iostream_read_until(stream, str_of(delimiter), 4096, 5000, &at);
    ck_assert_int_eq(n, (long)strlen(expected));
    ck_assert_int_eq(memcmp(at, expected, (size_t)n), 0);
    iostream_consume(stream, (size_t)n);
}

static void expect_exactly(struct iostream *stream, const char *expected)
{
    char got[64] = "";
    ck_assert_int_eq(iostream_read_exactly(stream, got, strlen(expected), 5000), 0);
    ck_assert_str_eq(got, expected);
}

static void write_slowly(const char *at, size_t len)
{
    if (len > 0)
        ck_assert_int_eq(write_bytes(&pair.a, at, len), 0);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_yield(), 0);
}

/* ---- framing is the same wherever the bytes are split ---- */

static const char dialogue[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody67890tail";
static size_t split_1, split_2;

static void send_in_three(void *data)
{
    (void)data;
    write_slowly(dialogue, split_1);
    write_slowly(dialogue + split_1, split_2 - split_1);
    write_slowly(dialogue + split_2, strlen(dialogue) - split_2);
    iostream_close(&pair.a);
}

static void read_dialogue(void *data)
{
    char none = 'x', *at;
    (void)data;
    expect_exactly(&pair.b, "HTTP/1.1 ");
    ck_assert_int_eq(iostream_read(&pair.b, &none, 0, 0), 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, &none, 0, 0), 0);
    ck_assert_int_eq(none, 'x');
    expect_exactly(&pair.b, "200");
    expect_frame(&pair.b, "\n", " OK\r\n");
    expect_frame(&pair.b, "\r\n\r\n", "A: b\r\n\r\n");
    expect_exactly(&pair.b, "body67890");
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 4, 5000, &at), 4);
    ck_assert_int_eq(memcmp(at, "tail", 4), 0);
    iostream_consume(&pair.b, 4);
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 4, 5000, &at), 0);
    ck_assert_int_eq(iostream_read(&pair.b, &none, 1, 5000), 0);
    ck_assert(pair.b.is_ended);
    expect_empty(&pair.b);
}

START_TEST(reads_the_same_however_it_is_split)
{
    FOR_EACH_SETUP
    {
        size_t step = setup == setups ? 1 : 7;
        for (split_1 = 0; split_1 <= strlen(dialogue); split_1 += step) {
            for (split_2 = split_1; split_2 <= strlen(dialogue); split_2 += step) {
                link_open(&pair, setup);
                run_both(&pair, read_dialogue, send_in_three, NULL);
                link_close(&pair);
            }
        }
    }
}
END_TEST

/* ---- ends: what is buffered, here or in the kernel, survives them ---- */

static void read_over_ends(void *data)
{
    char got[600];
    char *at;
    (void)data;
    send_raw(pair.a.fd, "1234", 4);
    ck_assert_int_eq(iostream_read(&pair.b, got, 1, 1000), 1);
    iostream_close(&pair.a);
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 100, 1000, &at), 3);
    ck_assert_int_eq(memcmp(at, "234", 3), 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, 4, 1000), -ENODATA);
}

static void read_frame_at_the_end(void *data)
{
    char *at, last[64] = "";
    static char bytes[2048];
    (void)data;
    memset(bytes, 'x', sizeof(bytes));
    send_raw(pair.a.fd, bytes, sizeof(bytes));
    ck_assert_int_eq(task_yield(), 0);
    send_raw(pair.a.fd, "done?", 5);
    iostream_close(&pair.a);
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("done"), 65536, 1000, &at), 2052);
    iostream_consume(&pair.b, 2052);
    /* The rest is no frame, though the limit is far away. */
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("done"), 65536, 1000, &at), -ENODATA);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, last, 1, 0), 0);
    ck_assert_str_eq(last, "?");
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("done"), 65536, 1000, &at), 0);
}

static void read_less_than_asked(void *data)
{
    static char big[1024 * 1024];
    (void)data;
    send_raw(pair.a.fd, "hello", 5);
    ck_assert_int_eq(iostream_read(&pair.b, big, 50, 1000), 5);
    send_raw(pair.a.fd, "world", 5);
    ck_assert_int_eq(iostream_read(&pair.b, big, 3, 1000), 3);
    ck_assert_int_eq(memcmp(big, "wor", 3), 0);
    iostream_close(&pair.a);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, big, sizeof(big), 1000), -ENODATA);
    ck_assert_int_eq(iostream_read(&pair.b, big, 3, 1000), 0);
    ck_assert_int_eq(pair.b.error, 0); /* an end is no failure */
}

START_TEST(survives_ends)
{
    static task_fn *const readers[] = {read_over_ends, read_frame_at_the_end, read_less_than_asked};
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        FOR_EACH_SETUP
        {
            link_open(&pair, setup);
            run_both(&pair, readers[i], NULL, NULL);
            link_close(&pair);
        }
    }
}
END_TEST

/* ---- limits ---- */

static const struct {
    const char *sent, *delimiter;
    size_t limit;
    long result;
} limits[] = {
    {"abcdef", "def", 50, 6},        {"abcdef", "def", 6, 6},       {"123456", "def", 5, -EMSGSIZE},
    {"abcdef", "def", 5, -EMSGSIZE}, {"abcdef", "a", 1, 1},         {"abcdef", "f", 6, 6},
    {"abcdef", "f", 5, -EMSGSIZE},   {"abcdefg", "cde", 5, 5},      {"abcdefg", "abcdefg", 7, 7},
    {"aaaaab", "aab", 6, 6},         {"abcdef", "x", 6, -EMSGSIZE}, {"abcdef", "a", 0, -EMSGSIZE},
};

static void read_limited(void *data)
{
    size_t row = *(size_t *)data;
    char *at;
    long n =
        iostream_read_until(&pair.b, str_of(limits[row].delimiter), limits[row].limit, 1000, &at);
    ck_assert_msg(n == limits[row].result, "row %zu split %zu: %ld", row, split_1, n);
    ck_assert_int_eq(pair.b.error, 0); /* an answer can still be written */
    if (n > 0)
        ck_assert_int_eq(memcmp(at, limits[row].sent, (size_t)n), 0);
}

static void send_in_two(void *data)
{
    const char *text = limits[*(size_t *)data].sent;
    write_slowly(text, split_1);
    write_slowly(text + split_1, strlen(text) - split_1);
}

START_TEST(limits_frames_however_they_come)
{
    for (size_t row = 0; row < ARRAY_LEN(limits); row++) {
        for (split_1 = 0; split_1 <= strlen(limits[row].sent); split_1++) {
            link_open(&pair, &setups[split_1 % 2]);
            run_both(&pair, read_limited, send_in_two, &row);
            link_close(&pair);
        }
    }
}
END_TEST

static void read_all_limited(void *data)
{
    char *at;
    long expected = *(long *)data;
    send_raw(pair.a.fd, "123456", 6);
    iostream_close(&pair.a);
    size_t limit = expected < 0 ? 5 : 6;
    ck_assert_int_eq(iostream_read_until_close(&pair.b, limit, 1000, &at), expected);
}

START_TEST(limits_what_is_read_until_close)
{
    long rows[] = {6, -EMSGSIZE};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        link_open(&pair, setups);
        run_both(&pair, read_all_limited, NULL, &rows[i]);
        link_close(&pair);
    }
}
END_TEST

/* ---- large frames ---- */

enum { LARGE = 4 * 1024 * 1024 };

/* Little at a time, so that a search that starts over would take minutes. */
static ssize_t read_little(struct iostream *stream, void *to, size_t len)
{
    return transport_plain.read(stream, to, len < 64 ? len : 64);
}

static void write_large(void *data)
{
    char piece[1024];
    (void)data;
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < LARGE / 1024; i++)
        ck_assert_int_eq(write_bytes(&pair.a, piece, sizeof(piece)), 0);
    ck_assert_int_eq(write_text(&pair.a, "\r\nrest"), 0);
    ck_assert_int_eq(iostream_flush(&pair.a), 0);
}

static void read_large(void *data)
{
    char *at, got[5] = "";
    (void)data;
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("\r\n"), LARGE * 2, 30000, &at), LARGE + 2);
    ck_assert_int_eq(at[0], 'x');
    ck_assert_int_eq(memcmp(at + LARGE - 1, "x\r\n", 3), 0);
    ck_assert_uint_le(pair.b.in_cap, LARGE * 2);
    iostream_consume(&pair.b, LARGE + 2);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, 4, 1000), 0);
    ck_assert_str_eq(got, "rest");
    expect_empty(&pair.b);
}

START_TEST(searches_in_linear_time)
{
    for (setup = setups; setup < setups + 2; setup++) {
        struct transport little = transport_plain;
        int64_t began_ms = clock_mono_ms();
        little.read = read_little;
        link_open(&pair, setup);
        pair.b.transport = &little;
        run_both(&pair, read_large, write_large, NULL);
        link_close(&pair);
        ck_assert_int_lt(clock_mono_ms() - began_ms, 20000);
    }
}
END_TEST

static size_t framed_total, frames_seen;

/* Lines that begin with their length: "00042:..." */
static long frame_counted(void *data, const char *at, size_t len)
{
    (void)data;
    framed_total += len;
    frames_seen++;
    if (len < 6)
        return 0;
    return at[5] == ':' ? 6 + atol(at) : -EPROTO;
}

static void read_counted(void *data)
{
    char *at;
    (void)data;
    send_raw(pair.a.fd, "00003:abc00000:", 15);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 100, 1000, &at), 9);
    iostream_consume(&pair.b, 9);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 100, 1000, &at), 6);
    iostream_consume(&pair.b, 6);
    send_raw(pair.a.fd, "00050:", 6);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 100, 20, &at), -ETIMEDOUT);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 55, 20, &at), -EMSGSIZE);
    iostream_consume(&pair.b, 6);
    send_raw(pair.a.fd, "00003;abc", 9);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 100, 1000, &at), -EPROTO);
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 100, 1000, &at), -EPROTO);
    ck_assert_uint_eq(iostream_buffered(&pair.b).len, 9);
    /* What it would say of bytes beyond the limit must not depend on when they came. */
    ck_assert_int_eq(iostream_read_frame(&pair.b, frame_counted, NULL, 5, 1000, &at), -EMSGSIZE);
}

START_TEST(asks_the_framer)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, read_counted, NULL, NULL);
        link_close(&pair);
    }
}
END_TEST

/* ---- buffers: not filled ahead, compacted, given back ---- */

static void write_100k_lines(void *data)
{
    char line[1024];
    (void)data;
    memset(line, 'y', sizeof(line));
    line[1023] = '\n';
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(write_bytes(&pair.a, line, sizeof(line)), 0);
    ck_assert_int_eq(iostream_flush(&pair.a), 0);
}

static void read_100k_lines(void *data)
{
    char *at;
    (void)data;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(iostream_read_until(&pair.b, STR("\n"), 4096, 5000, &at), 1024);
        ck_assert_uint_eq(pair.b.in_cap, IOBUF_SIZE); /* never more than a block */
        iostream_consume(&pair.b, 1024);
    }
    expect_empty(&pair.b);
}

START_TEST(never_fills_ahead)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, read_100k_lines, write_100k_lines, NULL);
        link_close(&pair);
    }
}
END_TEST

static void compact_and_grow(void *data)
{
    static char bytes[40000];
    char *at;
    (void)data;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)('a' + i % 23);
    bytes[15999] = '\n';
    bytes[39999] = '\n';
    send_raw(pair.a.fd, bytes, 16384);
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("\n"), 40000, 1000, &at), 16000);
    iostream_consume(&pair.b, 16000);
    ck_assert_uint_eq(iostream_buffered(&pair.b).len, 384);
    send_raw(pair.a.fd, bytes + 16384, sizeof(bytes) - 16384);
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("\n"), 24000, 1000, &at), 24000);
    ck_assert_int_eq(memcmp(at, bytes + 16000, 24000), 0);
    ck_assert_uint_eq(pair.b.in_start, 0);
    ck_assert_uint_eq(pair.b.in_cap, 24000); /* up to the limit and no further */
    iostream_consume(&pair.b, 24000);
    expect_empty(&pair.b);
}

START_TEST(compacts_and_grows_up_to_the_limit)
{
    for (setup = setups; setup < setups + 2; setup++) {
        link_open(&pair, setup);
        iobuf_keep(0); /* memory that is used after it was given back shows under ASan */
        run_both(&pair, compact_and_grow, NULL, NULL);
        link_close(&pair);
    }
}
END_TEST

START_TEST(fills_without_waiting)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), -EAGAIN);
        expect_empty(&pair.b);
        send_raw(pair.a.fd, "0123456789", 10);
        ck_assert_int_eq(iostream_fill(&pair.b, 4), 4);
        ck_assert_int_eq(iostream_fill(&pair.b, 4), -EMSGSIZE);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), 6);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), -EAGAIN);
        ck_assert(str_equals(iostream_buffered(&pair.b), STR("0123456789")));
        iostream_close(&pair.a);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), 0);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), 0);
        ck_assert(str_equals(iostream_buffered(&pair.b), STR("0123456789")));
        iostream_consume(&pair.b, 10);
        expect_empty(&pair.b);
        link_close(&pair);
    }
}
END_TEST

START_TEST(discards_until_the_end)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        ck_assert(iostream_discard(&pair.b));
        send_raw(pair.a.fd, "0123456789", 10);
        ck_assert_int_eq(iostream_fill(&pair.b, 100), 10);
        send_raw(pair.a.fd, "more", 4);
        ck_assert(iostream_discard(&pair.b));
        ck_assert(iostream_discard(&pair.b));
        expect_empty(&pair.b);
        iostream_close(&pair.a);
        ck_assert(!iostream_discard(&pair.b));
        link_close(&pair);
    }
}
END_TEST

UNIT_MAIN_ON_WAITERS(reads_the_same_however_it_is_split, survives_ends,
                     limits_frames_however_they_come, limits_what_is_read_until_close,
                     searches_in_linear_time, asks_the_framer, never_fills_ahead,
                     compacts_and_grows_up_to_the_limit, fills_without_waiting,
                     discards_until_the_end)
