/* Conditional requests: every field alone, then their order, then what malformed ones come to. */
#include "unit.h"

#include <time.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/conditional.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct conditional_resource STRONG = {STR("\"a\""), 784111777, true, true};
static const struct conditional_resource WEAK = {STR("W/\"a\""), 784111777, true, true};
static const struct conditional_resource BARE = {.exists = true};
static const struct conditional_resource NONE = {{0}, 0, false, false};

struct row {
    const char *method;
    const struct conditional_resource *resource;
    const char *match, *none_match, *modified_since, *unmodified_since;
    int verdict;
};

static struct gale_str field(const char *text)
{
    return text ? str_of(text) : (struct gale_str){0};
}

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct conditional request = {
            .method = str_of(row->method),
            .if_match = field(row->match),
            .if_none_match = field(row->none_match),
            .if_modified_since = field(row->modified_since),
            .if_unmodified_since = field(row->unmodified_since),
        };
        int verdict = conditional_evaluate(&request, row->resource);
        ck_assert_msg(verdict == row->verdict, "row %zu: %d", i, verdict);
    }
}

START_TEST(judges_each_field)
{
    static const struct row rows[] = {
        {"GET", &STRONG, .verdict = 0},
        {"GET", &NONE, .verdict = 0},
        {"GET", &STRONG, .none_match = "\"a\"", .verdict = 304},
        {"HEAD", &STRONG, .none_match = "\"a\"", .verdict = 304},
        {"PUT", &STRONG, .none_match = "\"a\"", .verdict = 412},
        {"get", &STRONG, .none_match = "\"a\"", .verdict = 412}, /* methods have a case */
        {"GET", &STRONG, .none_match = "\"b\"", .verdict = 0},
        {"GET", &STRONG, .none_match = "\"A\"", .verdict = 0},
        {"PUT", &STRONG, .none_match = "\"b\"", .verdict = 0},
        {"GET", &STRONG, .none_match = "W/\"a\"", .verdict = 304},
        {"GET", &WEAK, .none_match = "\"a\"", .verdict = 304},
        {"GET", &WEAK, .none_match = "W/\"a\"", .verdict = 304},
        {"GET", &STRONG, .none_match = "*", .verdict = 304},
        {"PUT", &STRONG, .none_match = "*", .verdict = 412},
        {"PUT", &NONE, .none_match = "*", .verdict = 0},
        {"GET", &BARE, .none_match = "*", .verdict = 304},
        {"GET", &BARE, .none_match = "\"a\"", .verdict = 0},
        {"GET", &BARE, .none_match = "\"\"", .verdict = 0},
        {"PUT", &STRONG, .match = "\"a\"", .verdict = 0},
        {"GET", &STRONG, .match = "\"a\"", .verdict = 0},
        {"PUT", &STRONG, .match = "\"b\"", .verdict = 412},
        {"GET", &STRONG, .match = "\"b\"", .verdict = 412},
        {"PUT", &STRONG, .match = "W/\"a\"", .verdict = 412}, /* strong comparison */
        {"PUT", &WEAK, .match = "\"a\"", .verdict = 412},
        {"PUT", &WEAK, .match = "W/\"a\"", .verdict = 412},
        {"PUT", &STRONG, .match = "*", .verdict = 0},
        {"PUT", &BARE, .match = "*", .verdict = 0},
        {"PUT", &BARE, .match = "\"a\"", .verdict = 412},
        {"PUT", &NONE, .match = "*", .verdict = 412},
        {"PUT", &NONE, .match = "\"a\"", .verdict = 412},
        {"GET", &STRONG, .modified_since = BEFORE, .verdict = 0},
        {"GET", &STRONG, .modified_since = THEN, .verdict = 304},
        {"HEAD", &STRONG, .modified_since = THEN, .verdict = 304},
        {"GET", &STRONG, .modified_since = AFTER, .verdict = 304},
        {"GET", &STRONG, .modified_since = "Sunday, 06-Nov-94 08:49:37 GMT", .verdict = 304},
        {"GET", &STRONG, .modified_since = "Sun Nov  6 08:49:37 1994", .verdict = 304},
        {"GET", &STRONG, .modified_since = "Fri, 01 Jan 1960 00:00:00 GMT", .verdict = 0},
        {"POST", &STRONG, .modified_since = AFTER, .verdict = 0},
        {"GET", &BARE, .modified_since = AFTER, .verdict = 0},
        {"GET", &STRONG, .modified_since = "garbage", .verdict = 0},
        {"GET", &STRONG, .modified_since = "", .verdict = 0},
        {"GET", &STRONG, .modified_since = THEN ", " THEN, .verdict = 0},
        {"PUT", &STRONG, .unmodified_since = BEFORE, .verdict = 412},
        {"GET", &STRONG, .unmodified_since = BEFORE, .verdict = 412},
        {"PUT", &STRONG, .unmodified_since = THEN, .verdict = 0},
        {"PUT", &STRONG, .unmodified_since = AFTER, .verdict = 0},
        {"PUT", &STRONG, .unmodified_since = "garbage", .verdict = 0},
        {"PUT", &BARE, .unmodified_since = BEFORE, .verdict = 0},
    };
    check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(keeps_the_order)
{
    static const struct row rows[] = {
        /* If-Match silences If-Unmodified-Since, If-None-Match silences If-Modified-Since */
        {"GET", &STRONG, .match = "\"a\"", .unmodified_since = BEFORE, .verdict = 0},
        {"GET", &STRONG, .match = "\"b\"", .unmodified_since = AFTER, .verdict = 412},
        {"GET", &STRONG, .none_match = "\"a\"", .modified_since = BEFORE, .verdict = 304},
        {"GET", &STRONG, .none_match = "\"b\"", .modified_since = AFTER, .verdict = 0},
        {"GET", &STRONG, .none_match = "junk", .modified_since = AFTER, .verdict = 0},
        /* 412 comes before 304 */
        {"GET", &STRONG, .match = "\"b\"", .none_match = "\"a\"", .verdict = 412},
        {"GET", &STRONG, .match = "\"a\"", .none_match = "\"a\"", .verdict = 304},
        {"GET", &STRONG, .unmodified_since = BEFORE, .none_match = "\"a\"", .verdict = 412},
        {"GET", &STRONG, .unmodified_since = BEFORE, .modified_since = AFTER, .verdict = 412},
        {"GET", &STRONG, .unmodified_since = AFTER, .modified_since = AFTER, .verdict = 304},
        {"GET", &STRONG, .match = "*", .modified_since = AFTER, .verdict = 304},
        {"PUT", &STRONG, .match = "\"a\"", .none_match = "*", .verdict = 412},
    };
    check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(reads_lists_strictly)
{
    static const struct {
        struct gale_str list;
        int verdict; /* of a GET with If-None-Match: 304 when the list has "a" */
        bool is_malformed;
    } rows[] = {
        {STR("\"a\""), 304, false},
        {STR(" \"a\"\t"), 304, false},
        {STR("\"b\",\"a\""), 304, false},
        {STR("\"b\" ,\t\"a\" , \"c\""), 304, false},
        {STR(",, \"b\",,\"a\", ,"), 304, false},
        {STR("W/\"b\", W/\"a\""), 304, false},
        {STR("\"b\", \"c\""), 0, false},
        {STR("\"\""), 0, false},
        {STR("\"a,b\""), 0, false}, /* a comma within a tag */
        {STR("\"x,\", \"a\""), 304, false},
        {STR("\",\"a\",\""), 0, true},
        {STR("\"*\""), 0, false},
        {STR("\"a\\\"\""), 0, true}, /* no escapes in tags */
        {STR("\"a\\\", \"a\""), 304, false},
        {STR("\"\xFF\", \"a\""), 304, false},
        {STR("\"b c\", \"a\""), 0, true},
        {STR("\"b\tc\", \"a\""), 0, true},
        {STR("\"b\0\", \"a\""), 0, true},
        {STR("\"b\x7F\", \"a\""), 0, true},
        {STR("\"a\" \"b\""), 0, true},
        {STR("\"a\"\"b\""), 0, true},
        {STR("\"a\"; \"b\""), 0, true},
        {STR("\"a\", b"), 0, true},
        {STR("a"), 0, true},
        {STR("\"a"), 0, true},
        {STR("a\""), 0, true},
        {STR("\""), 0, true},
        {STR("W/"), 0, true},
        {STR("W/a"), 0, true},
        {STR("w/\"a\""), 0, true},
        {STR("W/ \"a\""), 0, true},
        {STR("W/W/\"a\""), 0, true},
        {STR("W\"a\""), 0, true},
        {STR("*, \"a\""), 0, true},
        {STR("\"a\", *"), 0, true},
        {STR("**"), 0, true},
        {STR(""), 0, true},
        {STR(","), 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conditional request = {.method = STR("GET"), .if_none_match = rows[i].list};
        int verdict = conditional_evaluate(&request, &STRONG);
        ck_assert_msg(verdict == rows[i].verdict, "%s: %d", rows[i].list.at, verdict);
        /* who wants to change something is refused what cannot be understood */
        request.method = STR("PUT");
        verdict = conditional_evaluate(&request, &STRONG);
        ck_assert_int_eq(verdict, rows[i].verdict == 304 || rows[i].is_malformed ? 412 : 0);
        request = (struct conditional){.method = STR("PUT"), .if_match = rows[i].list};
        verdict = conditional_evaluate(&request, &STRONG);
        if (rows[i].is_malformed)
            ck_assert_msg(verdict == 412, "%s: %d", rows[i].list.at, verdict);
    }
}
END_TEST

START_TEST(decides_on_ranges)
{
    static const struct {
        const char *method;
        const struct conditional_resource *resource;
        const char *if_range;
        bool allows;
    } rows[] = {
        {"GET", &STRONG, NULL, true},
        {"HEAD", &STRONG, NULL, true},
        {"POST", &STRONG, NULL, false},
        {"GET", &STRONG, "\"a\"", true},
        {"POST", &STRONG, "\"a\"", false},
        {"GET", &STRONG, "\"b\"", false},
        {"GET", &STRONG, "W/\"a\"", false},
        {"GET", &WEAK, "\"a\"", false},
        {"GET", &WEAK, "W/\"a\"", false},
        {"GET", &BARE, "\"a\"", false},
        {"GET", &STRONG, "\"a\", \"a\"", false},
        {"GET", &STRONG, "*", false},
        {"GET", &STRONG, "a", false},
        {"GET", &STRONG, "", false},
        {"GET", &STRONG, THEN, true},
        {"GET", &STRONG, BEFORE, false},
        {"GET", &STRONG, AFTER, false}, /* the very date, not a later one */
        {"GET", &BARE, THEN, false},
        {"GET", &STRONG, "garbage", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conditional request = {
            .method = str_of(rows[i].method),
            .if_range = field(rows[i].if_range),
        };
        ck_assert_msg(conditional_allows_range(&request, rows[i].resource) == rows[i].allows,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(knows_etags)
{
    static const char *const good[] = {"\"\"", "\"a\"", "W/\"\"", "W/\"a,b'\xC3\xA9\"", "\"\\\""};
    static const char *const bad[] = {"",       "a",      "\"",       "\"a",     "a\"",
                                      "\"a\"b", "W/",     "w/\"\"",   "\"a b\"", "*",
                                      " \"a\"", "\"a\" ", "\"a\r\n\""};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(conditional_is_etag(str_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!conditional_is_etag(str_of(bad[i])), "%s", bad[i]);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    struct conditional request = {STR("GET"), .if_none_match = {text, len * times}};
    clock_t start = clock();
    conditional_evaluate(&request, &STRONG);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {",", "\"b\",", "\"b\" , ", " ", "W/\"\",", "\""};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(judges_each_field, keeps_the_order, reads_lists_strictly, decides_on_ranges, knows_etags,
          takes_linear_time)
