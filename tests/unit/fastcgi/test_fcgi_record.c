/* Records and pairs: every length on either side of its edges, and lengths that lie. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "fastcgi/fcgi_record.h"

START_TEST(headers_come_back)
{
    static const size_t lengths[] = {0, 1, 7, 8, 9, 255, 256, 32768, 65528, 65535};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        unsigned char header[FCGI_HEADER_SIZE];
        struct fcgi_record record;
        uint8_t padding;
        fcgi_record_encode(header, FCGI_STDIN, 0x1234, lengths[i], true, &padding);
        ck_assert_uint_eq((lengths[i] + padding) % 8, 0);
        ck_assert_uint_lt(padding, 8);
        ck_assert_int_eq(fcgi_record_decode(header, &record), 0);
        ck_assert_uint_eq(record.type, FCGI_STDIN);
        ck_assert_uint_eq(record.id, 0x1234);
        ck_assert_uint_eq(record.length, lengths[i]);
        ck_assert_uint_eq(record.padding, padding);
        fcgi_record_encode(header, FCGI_STDIN, 1, lengths[i], false, NULL);
        ck_assert_uint_eq(header[6], 0);
    }
}
END_TEST

START_TEST(other_versions_are_refused)
{
    unsigned char header[FCGI_HEADER_SIZE] = {1, 255, 255, 255, 255, 255, 255, 255};
    struct fcgi_record record;
    ck_assert_int_eq(fcgi_record_decode(header, &record), 0);
    ck_assert_uint_eq(record.type, 255);
    ck_assert_uint_eq(record.padding, 255);
    for (int version = 0; version < 256; version++) {
        header[0] = (unsigned char)version;
        ck_assert_int_eq(fcgi_record_decode(header, &record), version == 1 ? 0 : -EPROTO);
    }
}
END_TEST

START_TEST(pairs_come_back)
{
    static const size_t lengths[] = {0, 1, 126, 127, 128, 129, 255, 256, 65535, 65536, 70000};
    static char text[70000];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (size_t j = 0; j < ARRAY_LEN(lengths); j++) {
            struct gale_str name = {text, lengths[i]}, value = {text, lengths[j]}, n, v;
            size_t size = fcgi_pair_size(name.len, value.len);
            scoped_free unsigned char *bytes = memory_alloc(size);
            ck_assert_ptr_eq(fcgi_pair_encode(bytes, name, value), bytes + size);
            struct gale_str rest = {(char *)bytes, size};
            ck_assert_int_eq(fcgi_pair_decode(&rest, SIZE_MAX, &n, &v), 1);
            ck_assert(str_equals(n, name) && str_equals(v, value));
            ck_assert_uint_eq(rest.len, 0);
            ck_assert_int_eq(fcgi_pair_decode(&rest, SIZE_MAX, &n, &v), 0);
        }
    }
}
END_TEST

START_TEST(a_pair_cut_anywhere_waits_for_more)
{
    unsigned char bytes[512];
    static char text[200];
    memset(text, 'y', sizeof(text));
    struct gale_str name = {text, 130}, value = {text, 200}, n, v;
    size_t size = (size_t)(fcgi_pair_encode(bytes, name, value) - bytes);
    for (size_t len = 1; len < size; len++) {
        struct gale_str rest = {(char *)bytes, len};
        ck_assert_int_eq(fcgi_pair_decode(&rest, 1000, &n, &v), -EAGAIN);
        ck_assert_uint_eq(rest.len, len); /* nothing was taken */
    }
}
END_TEST

START_TEST(lengths_that_lie_are_bounded)
{
    static const struct {
        const char *bytes;
        size_t len, max;
        int result;
    } rows[] = {
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, 65536, -EMSGSIZE}, /* CVE-2025-23016 */
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, SIZE_MAX, -EAGAIN},
        {"\xff\xff\xff\xff\x01zz", 7, 65536, -EMSGSIZE},
        {"\x80\x00\x00\x01\x80\x00\x00\x01"
         "ab",
         10, 2, 1}, /* long form of a short length */
        {"\x80\x00\x00\x01\x80\x00\x00\x01"
         "ab",
         10, 1, -EMSGSIZE},
        {"\x00\x00", 2, 0, 1}, /* no name, no value */
        {"\x80", 1, 10, -EAGAIN},
        {"\x01\x80\x00\x00", 4, 10, -EAGAIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str rest = {rows[i].bytes, rows[i].len}, n, v;
        ck_assert_int_eq(fcgi_pair_decode(&rest, rows[i].max, &n, &v), rows[i].result);
    }
}
END_TEST

UNIT_MAIN(headers_come_back, other_versions_are_refused, pairs_come_back,
          a_pair_cut_anywhere_waits_for_more, lengths_that_lie_are_bounded)
