/* Records over a real socket: any split, any length, ends at every byte. */
#include "../net/net_fixture.h"

#include "base/memory.h"
#include "fastcgi/fcgi_stream.h"

static struct link wire;
static const struct setup unix_sockets = {"epoll", AF_UNIX};

/* ---- what is written is read ---- */

enum { BIG = 300000 };
static unsigned char big[BIG];
static const size_t sizes[] = {0, 1, 8, 4095, 4096, 4097, 16384, 65528, 65529, 131056, BIG};

static void write_all(void *data)
{
    (void)data;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t a = sizes[i] / 3, b = sizes[i] - a;
        struct iovec iov[3] = {{big, a}, {big, 0}, {big + a, b}};
        ck_assert_int_eq(fcgi_write(&wire.a, FCGI_STDIN, 7, iov, 3), 0);
        ck_assert_int_eq(fcgi_put(&wire.a, FCGI_STDIN, 7, NULL, 0), 0);
    }
    ck_assert_int_eq(iostream_end(&wire.a), 0);
}

static size_t read_stream(struct fcgi_reader *reader)
{
    size_t total = 0;
    struct gale_str piece;
    for (;;) {
        ck_assert_int_eq(fcgi_read_record(reader, 5000), 1);
        ck_assert_uint_eq(reader->record.type, FCGI_STDIN);
        ck_assert_uint_eq(reader->record.id, 7);
        if (!reader->record.length)
            return total;
        while (fcgi_read_piece(reader, 5000, &piece) == 1) {
            ck_assert_int_eq(memcmp(piece.at, big + total, piece.len), 0);
            total += piece.len;
        }
    }
}

static void read_all(void *data)
{
    struct fcgi_reader reader;
    (void)data;
    fcgi_reader_init(&reader, &wire.b);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        ck_assert_uint_eq(read_stream(&reader), sizes[i]);
    ck_assert(fcgi_reader_is_clean(&reader));
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), 0);
}

START_TEST(streams_of_any_length_arrive)
{
    for (size_t i = 0; i < BIG; i++)
        big[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
        link_open(&wire, &setups[i]);
        run_both(&wire, write_all, read_all, NULL);
        link_close(&wire);
    }
}
END_TEST

/* ---- byte by byte, and cut off at each ---- */

static const unsigned char two_records[] = {
    1, FCGI_STDOUT, 0, 1, 0, 5, 3, 0, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, /* padded */
    1, 99,          0, 0, 0, 2, 0, 0, 'x', 'y',                         /* unknown */
    1, FCGI_STDOUT, 0, 1, 0, 0, 8, 0, 0,   0,   0,   0,   0,   0, 0, 0, /* empty */
};

static void send_slowly(void *data)
{
    size_t len = *(size_t *)data;
    for (size_t i = 0; i < len; i++) {
        send_raw(wire.a.fd, two_records + i, 1);
        (void)task_yield();
    }
    (void)iostream_end(&wire.a);
}

static int outcome;

static void read_cut(void *data)
{
    struct fcgi_reader reader;
    int r;
    (void)data;
    fcgi_reader_init(&reader, &wire.b);
    while ((r = fcgi_read_record(&reader, 5000)) == 1)
        ;
    outcome = r;
}

START_TEST(an_end_within_a_record_is_told_from_one_between_two)
{
    for (size_t len = 0; len <= sizeof(two_records); len++) {
        bool is_between = len == 0 || len == 16 || len == 26 || len == sizeof(two_records);
        link_open(&wire, &unix_sockets);
        run_both(&wire, send_slowly, read_cut, &len);
        ck_assert_int_eq(outcome, is_between ? 0 : -ENODATA);
        link_close(&wire);
    }
}
END_TEST

static void read_forms(void *data)
{
    struct fcgi_reader reader;
    struct gale_str piece;
    char first[4], more[3];
    (void)data;
    fcgi_reader_init(&reader, &wire.b);
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), 1);
    ck_assert_int_eq(fcgi_read_exactly(&reader, first, 4, 5000), 0);
    ck_assert_int_eq(memcmp(first, "hell", 4), 0);
    ck_assert_int_eq(fcgi_read_piece(&reader, 5000, &piece), 1);
    ck_assert(str_equals(piece, STR("o")));
    fcgi_reader_keep(&reader, 1);
    ck_assert_int_eq(fcgi_read_piece(&reader, 5000, &piece), 1);
    ck_assert(str_equals(piece, STR("o")));
    ck_assert(!fcgi_reader_is_clean(&reader)); /* padding */
    ck_assert_int_eq(fcgi_read_piece(&reader, 5000, &piece), 0);
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), 1);
    ck_assert_uint_eq(reader.record.type, 99);
    ck_assert_int_eq(fcgi_read_exactly(&reader, more, 3, 5000), -EPROTO);
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), 1);
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), 0);
}

START_TEST(content_is_read_in_forms_and_pieces)
{
    size_t len = sizeof(two_records);
    link_open(&wire, &unix_sockets);
    run_both(&wire, send_slowly, read_forms, &len);
    link_close(&wire);
}
END_TEST

static void read_late(void *data)
{
    struct fcgi_reader reader;
    (void)data;
    fcgi_reader_init(&reader, &wire.b);
    ck_assert_int_eq(fcgi_read_record(&reader, 20), -ETIMEDOUT);
    send_raw(wire.a.fd, "\2\1\0\1\0\0\0\0", 8);
    ck_assert_int_eq(fcgi_read_record(&reader, 5000), -EPROTO);
}

START_TEST(late_and_foreign_headers_are_told)
{
    link_open(&wire, &unix_sockets);
    run_both(&wire, read_late, NULL, NULL);
    link_close(&wire);
}
END_TEST

UNIT_MAIN(streams_of_any_length_arrive, an_end_within_a_record_is_told_from_one_between_two,
          content_is_read_in_forms_and_pieces, late_and_foreign_headers_are_told)
