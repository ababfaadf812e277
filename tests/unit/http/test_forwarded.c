/* Forwarded clients: only who is trusted is believed, and only as far as the trust goes. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/forwarded.h"

enum { NETWORKS_MAX = 8 };

/* Reads a list of networks, separated by blanks. */
static struct forwarded_trust trust_in(const char *text, struct forwarded_network *networks)
{
    struct gale_str rest = str_of(text);
    struct forwarded_trust trust = {networks, 0};
    while (rest.len) {
        struct gale_str one = str_cut(&rest, ' ');
        ck_assert_int_eq(forwarded_network_parse(one, &networks[trust.count++]), 0);
    }
    return trust;
}

START_TEST(parses_networks)
{
    static const struct {
        struct gale_str text;
        int result;
    } rows[] = {
        {STR("10.0.0.0/8"), 0},
        {STR("10.1.2.3/8"), 0},
        {STR("0.0.0.0/0"), 0},
        {STR("127.0.0.1"), 0},
        {STR("127.0.0.1/32"), 0},
        {STR("::1"), 0},
        {STR("::/0"), 0},
        {STR("2001:db8::/128"), 0},
        {STR("::ffff:10.0.0.0/104"), 0},
        {STR("unix"), 0},
        {STR(""), -EINVAL},
        {STR("/8"), -EINVAL},
        {STR("10.0.0.0/"), -EINVAL},
        {STR("10.0.0.0/33"), -EINVAL},
        {STR("10.0.0.0/-1"), -EINVAL},
        {STR("10.0.0.0/+8"), -EINVAL},
        {STR("10.0.0.0/8/8"), -EINVAL},
        {STR("10.0.0.0/0008"), -EINVAL},
        {STR("10.0.0.0/255.0.0.0"), -EINVAL},
        {STR("10.0.0.0/18446744073709551624"), -EINVAL},
        {STR("::/129"), -EINVAL},
        {STR("10.0.0"), -EINVAL},
        {STR("10.0.0.256"), -EINVAL},
        {STR("010.0.0.1"), -EINVAL},
        {STR("0x7f.0.0.1"), -EINVAL},
        {STR("10.0.0.1 "), -EINVAL},
        {STR("10.0.0.1\0"), -EINVAL},
        {STR("[::1]"), -EINVAL},
        {STR("fe80::1%lo"), -EINVAL},
        {STR("10.0.0.1:80"), -EINVAL},
        {STR("localhost"), -EINVAL},
        {STR("unix/8"), -EINVAL},
        {STR("Unix"), -EINVAL},
        {STR("unix:/run/x"), -EINVAL},
        {STR("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"), -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct forwarded_network network = {.bits = 77};
        int r = forwarded_network_parse(rows[i].text, &network);
        ck_assert_msg(r == rows[i].result, "%s: %d", rows[i].text.at, r);
        ck_assert(r == 0 || network.bits == 77);
    }
}
END_TEST

START_TEST(believes_networks)
{
    static const struct {
        const char *trust, *peer;
        bool is_believed;
    } rows[] = {
        {"", "127.0.0.1", false},
        {"", "unix", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "::1", false},
        {"127.0.0.1", "unix", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.9.9.9/8", "10.0.0.1", true},
        {"10.128.0.0/9", "10.127.255.255", false},
        {"10.128.0.0/9", "10.128.0.0", true},
        {"10.0.0.4/31", "10.0.0.5", true},
        {"10.0.0.4/31", "10.0.0.6", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "::1", false},
        {"0.0.0.0/0", "::ffff:1.2.3.4", true}, /* a mapped peer is an IPv4 peer */
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"::ffff:10.0.0.0/104", "11.1.1.1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "1.2.3.4", false},
        {"::/0", "::ffff:1.2.3.4", false},
        {"::1", "::1", true},
        {"::1", "0:0:0:0:0:0:0:1", true},
        {"::1", "::2", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"unix", "unix", true},
        {"unix", "127.0.0.1", false},
        {"unix", "::", false},
        {"unix", "", false},
        {"unix ::1 10.0.0.0/8", "10.0.0.1", true},
        {"0.0.0.0/0 ::/0", "unix", false},
        {"0.0.0.0/0 ::/0", "nonsense", false},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct forwarded_network networks[NETWORKS_MAX];
        struct forwarded_trust trust = trust_in(rows[i].trust, networks);
        struct forwarded client = {str_of(rows[i].peer), STR("http")};
        forwarded_resolve(&trust, STR("192.0.2.9"), STR("https"), &arena, &client);
        ck_assert_msg(
            str_equals(client.address, str_of(rows[i].is_believed ? "192.0.2.9" : rows[i].peer)),
            "row %zu: %s", i, client.address.at);
        ck_assert_str_eq(client.scheme.at, rows[i].is_believed ? "https" : "http");
    }
    struct forwarded client = {STR("127.0.0.1"), STR("http")};
    forwarded_resolve(NULL, STR("192.0.2.9"), STR("https"), &arena, &client);
    ck_assert_str_eq(client.address.at, "127.0.0.1");
    ck_assert_str_eq(client.scheme.at, "http");
    arena_finish(&arena);
}
END_TEST

START_TEST(walks_from_the_right)
{
    static const struct {
        const char *field, *address;
    } rows[] = {
        {NULL, "10.0.0.1"},
        {"", "10.0.0.1"},
        {"4.4.4.4", "4.4.4.4"},
        {"127.0.0.1, 4.4.4.4, 5.5.5.5", "4.4.4.4"},
        {"127.0.0.1,4.4.4.4", "4.4.4.4"},
        {"6.6.6.6, 9.9.9.9, 10.0.0.7", "9.9.9.9"},
        {"6.6.6.6, 10.0.0.9, 9.9.9.9, 5.5.5.5\t,10.0.0.7 ", "9.9.9.9"},
        {"10.0.0.9, 5.5.5.5, 10.0.0.7", "10.0.0.9"}, /* all are trusted: the leftmost */
        {"2001:DB8:0::1", "2001:db8::1"},
        {"::ffff:4.4.4.4", "4.4.4.4"},
        {"9.9.9.9, ::FFFF:10.0.0.7", "9.9.9.9"},
        {"4.4.4.4:80", "4.4.4.4"},
        {"9.9.9.9:80, 10.0.0.7:12345", "9.9.9.9"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        /* junk ends the walk at what was believed before it */
        {"unknown", "10.0.0.1"},
        {"4.4.4.4, unknown", "10.0.0.1"},
        {"4.4.4.4, unknown, 10.0.0.7", "10.0.0.7"},
        {"unknown, 4.4.4.4", "4.4.4.4"},
        {"4.4.4.4,", "10.0.0.1"},
        {"4.4.4.4, , 10.0.0.7", "10.0.0.7"},
        {",", "10.0.0.1"},
        {"4.4.4.4 5.5.5.5", "10.0.0.1"},
        {"4.4.4.4.", "4.4.4.4"},
        {"4.4.4", "10.0.0.1"},
        {"4.4.4.256", "10.0.0.1"},
        {"0x04040404", "10.0.0.1"},
        {"67372036", "10.0.0.1"},
        {"4.4.4.4:port", "10.0.0.1"},
        {"4.4.4.4:99999", "10.0.0.1"},
        {"[4.4.4.4]", "10.0.0.1"},
        {"[::1", "10.0.0.1"},
        {"fe80::1%eth0", "10.0.0.1"},
        {"\"4.4.4.4\"", "10.0.0.1"},
        {"<script>", "10.0.0.1"},
        {"localhost", "10.0.0.1"},
        {"unix", "10.0.0.1"},
        {"_hidden", "10.0.0.1"},
    };
    struct forwarded_network networks[NETWORKS_MAX];
    struct forwarded_trust trust = trust_in("10.0.0.0/8 5.5.5.5 unix", networks);
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct forwarded client = {STR("10.0.0.1"), STR("http")};
        struct gale_str field = {0};
        if (rows[i].field)
            field = str_of(rows[i].field);
        forwarded_resolve(&trust, field, (struct gale_str){0}, &arena, &client);
        ck_assert_msg(strcmp(client.address.at, rows[i].address) == 0, "row %zu: %s", i,
                      client.address.at);
        ck_assert_str_eq(client.scheme.at, "http");
    }
    struct forwarded client = {STR("unix"), STR("http")};
    forwarded_resolve(&trust, STR("4.4.4.4\0"), STR("https"), &arena, &client);
    ck_assert_str_eq(client.address.at, "unix");
    forwarded_resolve(&trust, STR("9.9.9.9, 4.4.4.4"), STR("https"), &arena, &client);
    ck_assert_str_eq(client.address.at, "4.4.4.4");
    arena_finish(&arena);
}
END_TEST

START_TEST(takes_the_nearest_scheme)
{
    static const struct {
        const char *field, *had, *scheme;
    } rows[] = {
        {NULL, "http", "http"},          {NULL, "https", "https"},
        {"https", "http", "https"},      {"http", "https", "http"},
        {"HTTPS", "http", "https"},      {"https , http", "https", "http"},
        {"http,https", "http", "https"}, {"unknown", "http", "http"},
        {"unknown", "https", "https"},   {"https, unknown", "http", "http"},
        {"https,", "http", "http"},      {"", "https", "https"},
        {"https://", "http", "http"},    {"httpss", "http", "http"},
        {"wss", "http", "http"},         {"https http", "http", "http"},
    };
    struct forwarded_network networks[NETWORKS_MAX];
    struct forwarded_trust trust = trust_in("10.0.0.1", networks);
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct forwarded client = {STR("10.0.0.1"), str_of(rows[i].had)};
        struct gale_str field = {0};
        if (rows[i].field)
            field = str_of(rows[i].field);
        forwarded_resolve(&trust, (struct gale_str){0}, field, &arena, &client);
        ck_assert_msg(strcmp(client.scheme.at, rows[i].scheme) == 0, "row %zu: %s", i,
                      client.scheme.at);
        ck_assert_str_eq(client.address.at, "10.0.0.1");
    }
    arena_finish(&arena);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    struct forwarded_network networks[NETWORKS_MAX];
    struct forwarded_trust trust = trust_in("10.0.0.1", networks);
    struct forwarded client = {STR("10.0.0.1"), STR("http")};
    struct gale_str field = {text, len * times};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    clock_t start = clock();
    forwarded_resolve(&trust, field, field, &arena, &client);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    arena_finish(&arena);
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {",10.0.0.1", ",", "1", " ", ", 10.0.0.1:1", ":", "["};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 50000);
        ck_assert_msg(seconds_for(pieces[i], 200000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(parses_networks, believes_networks, walks_from_the_right, takes_the_nearest_scheme,
          takes_linear_time)
