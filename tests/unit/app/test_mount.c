/* Mounts: how they are written, and which paths they have. */
#include "unit.h"

#include <errno.h>
#include "app/mount.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

START_TEST(reads_mounts)
{
    static const struct {
        const char *text, *host, *prefix;
    } rows[] = {
        {"/", "", ""},
        {"/hello", "", "/hello"},
        {"/hello/", "", "/hello"},
        {"/a b/\xC3\xA9", "", "/a b/\xC3\xA9"},
        {"/x/...", "", "/x/..."},
        {"Example.ORG/", "example.org", ""},
        {"example.org./shop/", "example.org", "/shop"},
        {"[::1]/x", "[::1]", "/x"},
        {"127.0.0.1/x", "127.0.0.1", "/x"},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mount mount;
        const char *why;
        ck_assert_msg(mount_parse(rows[i].text, &arena, &mount, &why) == 0, "%s: %s", rows[i].text,
                      why);
        ck_assert_str_eq(mount.host.at, rows[i].host);
        ck_assert_str_eq(mount.prefix.at, rows[i].prefix);
        ck_assert_uint_eq(mount.prefix.len, strlen(rows[i].prefix));
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(refuses_what_no_path_begins_with)
{
    static const char *const rows[][2] = {
        {"", "it begins with '/', or is HOST/PATH"},
        {"hello", "it begins with '/', or is HOST/PATH"},
        {"//", "it has an empty segment ('//')"},
        {"/a//b", "it has an empty segment ('//')"},
        {"/a//", "it has an empty segment ('//')"},
        {"/./a", "'.' and '..' are never part of a request's path"},
        {"/a/..", "'.' and '..' are never part of a request's path"},
        {"/a/../", "'.' and '..' are never part of a request's path"},
        {"/a%20b", "it is a decoded path, without '?', '#' and '%'"},
        {"/a?b", "it is a decoded path, without '?', '#' and '%'"},
        {"/a\x01", "it holds a control byte"},
        {"/a\x7f", "it holds a control byte"},
        {"http://example.org/", "it is a path or HOST/PATH, without a scheme"},
        {"/a/*", "it is a prefix, of which everything below is a part, and no pattern with '*'"},
        {"example.org:80/x", "the host of a mount has no port"},
        {"[::1]:80/x", "the host of a mount has no port"},
        {"exa mple/x", "what stands before the first '/' is no host name"},
        {"./x", "what stands before the first '/' is no host name"},
        {"[::1/x", "the host of a mount has no port"},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mount mount;
        const char *why = NULL;
        ck_assert_msg(mount_parse(rows[i][0], &arena, &mount, &why) == -EINVAL, "%s", rows[i][0]);
        ck_assert_str_eq(why, rows[i][1]);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(has_whole_segments)
{
    static const struct {
        const char *prefix, *path;
        bool has;
    } rows[] = {
        {"", "/", true},
        {"", "/x", true},
        {"", "*", false},
        {"", "", false},
        {"/hello", "/hello", true},
        {"/hello", "/hello/", true},
        {"/hello", "/hello/x", true},
        {"/hello", "/helloworld", false},
        {"/hello", "/hell", false},
        {"/hello", "/Hello", false},
        {"/a/b", "/a", false},
        {"/a", "/a%2Fb", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(mount_has(str_of(rows[i].prefix), str_of(rows[i].path)) == rows[i].has,
                      "%s in %s", rows[i].path, rows[i].prefix);
}
END_TEST

UNIT_MAIN(reads_mounts, refuses_what_no_path_begins_with, has_whole_segments)
