/* Hosts and ports as they stand in a Host field. */
#include "unit.h"

#include <errno.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/target.h"

START_TEST(reads)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } rows[] = {
        {"a", "a", 0},
        {"example.com", "example.com", 0},
        {"Example.COM:8080", "example.com", 8080},
        {"example.com.", "example.com", 0},
        {"example.com.:80", "example.com", 80},
        {"example.com:", "example.com", 0},
        {"a_b-c.d~e", "a_b-c.d~e", 0},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"h:65535", "h", 65535},
        {"h:0080", "h", 80},
        {"[::1]", "[::1]", 0},
        {"[::1]:443", "[::1]", 443},
        {"[::1]:", "[::1]", 0},
        {"[2001:DB8::A]", "[2001:db8::a]", 0},
        {"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]", 80},
    };
    char block[1024];
    struct arena arena;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str host = {0};
        unsigned port = 77;
        arena_init(&arena, block, sizeof(block));
        ck_assert(target_is_host(str_of(rows[i].text)));
        ck_assert_int_eq(target_parse_host(str_of(rows[i].text), &arena, &host, &port), 0);
        ck_assert_str_eq(host.at, rows[i].host);
        ck_assert_uint_eq(host.len, strlen(rows[i].host));
        ck_assert_uint_eq(port, rows[i].port);
    }
}
END_TEST

START_TEST(refuses)
{
    static const struct gale_str rows[] = {
        STR(""),
        STR("."),
        STR(":"),
        STR(":80"),
        STR(".:80"),
        STR("foo bar"),
        STR(" a"),
        STR("a "),
        STR("a,b"),
        STR("a, a"),
        STR("a/b"),
        STR("a?b"),
        STR("a#b"),
        STR("a\\b"),
        STR("u@h"),
        STR("a%41"),
        STR("a\0b"),
        STR("\xC3\xA9.de"),
        STR("a'b"),
        STR("a\"b"),
        STR("<b>"),
        STR("http://a"),
        STR("a:b"),
        STR("a:+1"),
        STR("a:-1"),
        STR("a: 1"),
        STR("a:0"),
        STR("a:65536"),
        STR("a:99999999999999999999999"),
        STR("a:0x50"),
        STR("a:80:80"),
        STR("a:80 "),
        STR("::1"),
        STR("[::1"),
        STR("::1]"),
        STR("[]"),
        STR("[]:80"),
        STR("[:]"),
        STR("[::1]x"),
        STR("[::1]x:80"),
        STR("[::1].:80"),
        STR("[::1]."),
        STR("x[::1]"),
        STR("[[::1]]"),
        STR("[127.0.0.1]"),
        STR("[fe80::1%25eth0]"),
        STR("[fe80::1%eth0]"),
        STR("[v1.a]"),
        STR("[::1\0]"),
        STR("[::12345]"),
        STR("[1:2:3:4:5:6:7:8:9]"),
        STR("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"),
    };
    char block[1024];
    struct arena arena;
    arena_init(&arena, block, sizeof(block));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str host = {0};
        unsigned port = 77;
        ck_assert_msg(!target_is_host(rows[i]), "%s", rows[i].at);
        ck_assert_int_eq(target_parse_host(rows[i], &arena, &host, &port), -EINVAL);
        ck_assert(!host.at && port == 77);
    }
}
END_TEST

UNIT_MAIN(reads, refuses)
