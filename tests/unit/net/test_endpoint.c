/* Addresses as people write them, and as they must not. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include "base/macros.h"
#include "base/str.h"
#include "net/endpoint.h"

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define PATH_100                                                                                   \
    "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"  \
    "123456789"

static const struct {
    struct gale_str text;
    int result;
    const char *printed; /* NULL: as it was */
} addresses[] = {
    {STR("127.0.0.1:8080"), 0, NULL},
    {STR("4.4.4.4:0"), 0, NULL},
    {STR("255.255.255.255:65535"), 0, NULL},
    {STR("*:80"), 0, NULL},
    {STR("0.0.0.0:80"), 0, "*:80"},
    {STR("[::1]:8080"), 0, NULL},
    {STR("[::]:1"), 0, NULL},
    {STR("[2620:0:1cfe:face:b00c::3]:443"), 0, NULL},
    {STR("[::ffff:1.2.3.4]:9"), 0, NULL},
    {STR("1.2.3.4:00080"), 0, "1.2.3.4:80"},
    {STR("unix:/run/app.sock"), 0, NULL},
    {STR("unix:relative"), 0, NULL},
    {STR("unix:@abstract"), 0, NULL},
    {STR("unix:" PATH_100 "1234567"), 0, NULL},
    {STR("unix:@" PATH_100 "1234567"), 0, NULL},
    {STR("localhost:8080"), -ENOENT, NULL},
    {STR("example.com.:80"), -ENOENT, NULL},
    {STR("my_app-1.internal:9000"), -ENOENT, NULL},
    {STR(LABEL_63 ":80"), -ENOENT, NULL},
    {STR("9to5.example:80"), -ENOENT, NULL},
    {STR(""), -EINVAL, NULL},
    {STR(" "), -EINVAL, NULL},
    {STR("\n"), -EINVAL, NULL},
    {STR(":"), -EINVAL, NULL},
    {STR(":80"), -EINVAL, NULL},
    {STR("80"), -EINVAL, NULL},
    {STR("127.0.0.1"), -EINVAL, NULL},
    {STR("127.0.0.1:"), -EINVAL, NULL},
    {STR("127.0.0.1:65536"), -EINVAL, NULL},
    {STR("127.0.0.1:000080"), -EINVAL, NULL},
    {STR("127.0.0.1:+80"), -EINVAL, NULL},
    {STR("127.0.0.1:8o"), -EINVAL, NULL},
    {STR("127.0.0.1:80 "), -EINVAL, NULL},
    {STR(" 127.0.0.1:80"), -EINVAL, NULL},
    {STR("127.0.0.1\0:80"), -EINVAL, NULL},
    {STR("4.4.4.4<:80"), -EINVAL, NULL},
    {STR("1.2.3:80"), -EINVAL, NULL},
    {STR("256.0.0.1:80"), -EINVAL, NULL},
    {STR("127.0.0.01:80"), -EINVAL, NULL},
    {STR("123456789012345678901234567890:80"), -EINVAL, NULL},
    {STR("::1:80"), -EINVAL, NULL},
    {STR("[::1]"), -EINVAL, NULL},
    {STR("[::1:80"), -EINVAL, NULL},
    {STR("[]:80"), -EINVAL, NULL},
    {STR("[127.0.0.1]:80"), -EINVAL, NULL},
    {STR("[localhost]:80"), -EINVAL, NULL},
    {STR("[1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21]:80"), -EINVAL, NULL},
    {STR("a..b:80"), -EINVAL, NULL},
    {STR(".:80"), -EINVAL, NULL},
    {STR("-a:80"), -EINVAL, NULL},
    {STR("a b:80"), -EINVAL, NULL},
    {STR("b\xC3\xBC"
         "cher:80"),
     -EINVAL, NULL},
    {STR(LABEL_63 "4:80"), -EINVAL, NULL},
    {STR(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ":80"), -EINVAL, NULL},
    {STR("unix:"), -EINVAL, NULL},
    {STR("unix:@"), -EINVAL, NULL},
    {STR("unix:/a\0b"), -EINVAL, NULL},
    {STR("unix:" PATH_100 "12345678"), -EINVAL, NULL},
    {STR("unix:@" PATH_100 "12345678"), -EINVAL, NULL},
};

START_TEST(parses)
{
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct endpoint endpoint, again;
        char out[ENDPOINT_TEXT];
        int r = endpoint_parse(addresses[i].text, &endpoint);
        ck_assert_msg(r == addresses[i].result, "row %zu, %s: %d", i, addresses[i].text.at, r);
        if (r < 0)
            continue;
        const char *expected = addresses[i].printed ? addresses[i].printed : addresses[i].text.at;
        ck_assert_str_eq(endpoint_print(&endpoint, out), expected);
        ck_assert_int_eq(endpoint_parse(str_of(out), &again), 0);
        ck_assert(endpoint_equals(&endpoint, &again));
    }
}
END_TEST

START_TEST(compares_all_but_padding)
{
    static const char *const texts[] = {
        "127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80", "[::1]:80", "[::1]:81",
        "[::2]:80",     "unix:/a",      "unix:@/a",     "unix:/ab", "unix:@/ab",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            struct endpoint a, b;
            memset(&a, 0x55, sizeof(a));
            ck_assert_int_eq(endpoint_parse(str_of(texts[i]), &a), 0);
            ck_assert_int_eq(endpoint_parse(str_of(texts[k]), &b), 0);
            ck_assert_int_eq(endpoint_equals(&a, &b), i == k);
        }
    }
    struct endpoint unknown = {.addr.any.sa_family = AF_UNSPEC};
    char out[ENDPOINT_TEXT];
    ck_assert(!endpoint_equals(&unknown, &unknown));
    ck_assert_str_eq(endpoint_print(&unknown, out), "unknown");
}
END_TEST

START_TEST(prints_what_the_kernel_may_hand_out)
{
    char out[ENDPOINT_TEXT];
    struct endpoint unnamed = {.len = sizeof(sa_family_t), .addr.un.sun_family = AF_UNIX};
    ck_assert_str_eq(endpoint_print(&unnamed, out), "unix:");
    struct endpoint full = {.len = sizeof(full.addr.un), .addr.un.sun_family = AF_UNIX};
    memset(full.addr.un.sun_path, 'x', sizeof(full.addr.un.sun_path)); /* no zero at the end */
    ck_assert_uint_eq(strlen(endpoint_print(&full, out)), 5 + 108);
    full.addr.un.sun_path[0] = full.addr.un.sun_path[3] = 0;
    ck_assert_int_eq(memcmp(endpoint_print(&full, out), "unix:@xx@x", 10), 0);
    full.len++; /* what the kernel says when it cut the name */
    ck_assert_uint_eq(strlen(endpoint_print(&full, out)), 5 + 108);
}
END_TEST

START_TEST(keeps_a_peer_small)
{
    static const struct {
        const char *text, *address;
        unsigned port;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[2001:db8::1]:65535", "2001:db8::1", 65535},
        {"[::ffff:10.1.2.3]:77", "10.1.2.3", 77}, /* a dual-stack listener's IPv4 client */
        {"unix:/run/app.sock", "unix", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct endpoint endpoint;
        struct peer peer;
        char out[INET6_ADDRSTRLEN];
        ck_assert_int_eq(endpoint_parse(str_of(rows[i].text), &endpoint), 0);
        peer_set(&peer, &endpoint);
        ck_assert_str_eq(peer_print(&peer, out), rows[i].address);
        ck_assert_uint_eq(peer_port(&peer), rows[i].port);
    }
    ck_assert_uint_le(sizeof(struct peer), 28);
}
END_TEST

START_TEST(knows_what_excludes_what)
{
    static const struct {
        const char *a, *b;
        bool overlaps;
    } rows[] = {
        {"*:80", "127.0.0.1:80", true},  {"127.0.0.1:80", "*:80", true},
        {"*:80", "*:80", true},          {"*:80", "*:81", false},
        {"*:0", "127.0.0.1:0", false},   {"*:0", "*:0", false},
        {"*:80", "[::]:80", false},      {"[::]:80", "[::1]:80", true},
        {"[::1]:80", "[::2]:80", false}, {"1.1.1.1:80", "1.1.1.2:80", false},
        {"unix:/a", "unix:/a", true},    {"unix:/a", "unix:/b", false},
        {"unix:/a", "*:80", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct endpoint a, b;
        ck_assert_int_eq(endpoint_parse(str_of(rows[i].a), &a), 0);
        ck_assert_int_eq(endpoint_parse(str_of(rows[i].b), &b), 0);
        ck_assert_msg(endpoint_overlaps(&a, &b) == rows[i].overlaps, "%s %s", rows[i].a, rows[i].b);
    }
}
END_TEST

UNIT_MAIN(parses, compares_all_but_padding, knows_what_excludes_what,
          prints_what_the_kernel_may_hand_out, keeps_a_peer_small)
