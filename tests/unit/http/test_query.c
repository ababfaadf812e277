/* Urlencoded text: one decoding, one separator, every view ended, work in proportion. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/query.h"

enum { PAIRS_MAX = 8 };

static void ends_in_zero(struct gale_str text)
{
    ck_assert_int_eq(text.at[text.len], 0);
}

START_TEST(reads_pairs)
{
    static const struct {
        struct gale_str text;
        size_t count;
        struct query_pair pairs[PAIRS_MAX];
    } rows[] = {
        {STR(""), 0, {{STR(""), STR("")}}},
        {STR("&&&"), 0, {{STR(""), STR("")}}},
        {STR("a=1"), 1, {{STR("a"), STR("1")}}},
        {STR("a=1&b=2&a=3"), 3, {{STR("a"), STR("1")}, {STR("b"), STR("2")}, {STR("a"), STR("3")}}},
        {STR("foo=&foo="), 2, {{STR("foo"), STR("")}, {STR("foo"), STR("")}}},
        {STR("flag"), 1, {{STR("flag"), STR("")}}},
        {STR("&flag&"), 1, {{STR("flag"), STR("")}}},
        {STR("="), 1, {{STR(""), STR("")}}},
        {STR("=x"), 1, {{STR(""), STR("x")}}},
        {STR("a=b=c=="), 1, {{STR("a"), STR("b=c==")}}},
        {STR("a=1;b=2"), 1, {{STR("a"), STR("1;b=2")}}}, /* only & separates */
        {STR("a+b=c+d"), 1, {{STR("a b"), STR("c d")}}},
        {STR("a%2Bb=%2b"), 1, {{STR("a+b"), STR("+")}}},
        {STR("%61%3D=%26%3d"), 1, {{STR("a="), STR("&=")}}},
        {STR("a=%2541"), 1, {{STR("a"), STR("%41")}}}, /* decoded once */
        {STR("foo=%C3%A9"), 1, {{STR("foo"), STR("\xC3\xA9")}}},
        {STR("foo=\xE9%E9"), 1, {{STR("foo"), STR("\xE9\xE9")}}}, /* bytes, no charset */
        {STR("a=%00b"), 1, {{STR("a"), STR("\0b")}}},
        {STR("a=\0b"), 1, {{STR("a"), STR("\0b")}}},
        /* a bad escape stands for itself */
        {STR("a=%"), 1, {{STR("a"), STR("%")}}},
        {STR("a=%4"), 1, {{STR("a"), STR("%4")}}},
        {STR("%=%"), 1, {{STR("%"), STR("%")}}},
        {STR("a=%4&1=2"), 2, {{STR("a"), STR("%4")}, {STR("1"), STR("2")}}},
        {STR("a=%zz%4g%g4%%41"), 1, {{STR("a"), STR("%zz%4g%g4%A")}}},
        {STR("a=% 41"), 1, {{STR("a"), STR("% 41")}}},
        {STR("a=%+41"), 1, {{STR("a"), STR("% 41")}}},
        {STR("a=%u00e9"), 1, {{STR("a"), STR("%u00e9")}}},
        {STR("a=?#/"), 1, {{STR("a"), STR("?#/")}}},
        {STR("a&b&c&d&e&f&g&h"),
         8,
         {{STR("a"), STR("")},
          {STR("b"), STR("")},
          {STR("c"), STR("")},
          {STR("d"), STR("")},
          {STR("e"), STR("")},
          {STR("f"), STR("")},
          {STR("g"), STR("")},
          {STR("h"), STR("")}}},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct query query;
        ck_assert_int_eq(query_parse(rows[i].text, PAIRS_MAX, &arena, &query), 0);
        ck_assert_msg(query.count == rows[i].count, "row %zu: %zu pairs", i, query.count);
        for (size_t n = 0; n < query.count; n++) {
            ck_assert_msg(str_equals(query.pairs[n].name, rows[i].pairs[n].name), "row %zu", i);
            ck_assert_msg(str_equals(query.pairs[n].value, rows[i].pairs[n].value), "row %zu", i);
            ends_in_zero(query.pairs[n].name);
            ends_in_zero(query.pairs[n].value);
        }
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(limits_the_number_of_pairs)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct query query = {.count = 77};
    ck_assert_int_eq(query_parse(STR("a&b&c"), 2, &arena, &query), -EMSGSIZE);
    ck_assert_uint_eq(query.count, 77); /* outputs stay untouched on failure */
    ck_assert_int_eq(query_parse(STR("a&b"), 2, &arena, &query), 0);
    ck_assert_int_eq(query_parse(STR("&a&&b&"), 2, &arena, &query), 0);
    ck_assert_int_eq(query_parse(STR("a"), 0, &arena, &query), -EMSGSIZE);
    ck_assert_int_eq(query_parse(STR("&"), 0, &arena, &query), 0);
    ck_assert_int_eq(query_parse((struct gale_str){NULL, 0}, 1, &arena, &query), 0);
    ck_assert_uint_eq(query.count, 0);
    arena_finish(&arena);
}
END_TEST

START_TEST(finds_by_name_and_nth)
{
    struct arena arena;
    struct query query;
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(query_parse(STR("a=1&A=2&a=3&%61=4&=5"), 9, &arena, &query), 0);
    static const char *const values[] = {"1", "3", "4"};
    for (size_t n = 0; n < ARRAY_LEN(values); n++)
        ck_assert_str_eq(query_find(&query, STR("a"), n)->value.at, values[n]);
    ck_assert_ptr_null(query_find(&query, STR("a"), 3));
    ck_assert_ptr_null(query_find(&query, STR("a"), SIZE_MAX));
    ck_assert_str_eq(query_find(&query, STR("A"), 0)->value.at, "2");
    ck_assert_str_eq(query_find(&query, STR(""), 0)->value.at, "5");
    ck_assert_ptr_null(query_find(&query, STR("b"), 0));
    arena_finish(&arena);
}
END_TEST

START_TEST(encodes_every_byte_so_that_it_comes_back)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    struct arena arena;
    struct query query;
    arena_init(&arena, NULL, 0);
    struct gale_str text = query_encode(&arena, (struct gale_str){all, sizeof(all)});
    ends_in_zero(text);
    for (size_t i = 0; i < text.len; i++)
        ck_assert(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%",
                         text.at[i]));
    ck_assert_int_eq(query_parse(text, 1, &arena, &query), 0);
    ck_assert(str_equals(query.pairs[0].name, (struct gale_str){all, sizeof(all)}));
    ck_assert_str_eq(query_encode(&arena, STR("a /?&=+~")).at, "a%20%2F%3F%26%3D%2B~");
    ck_assert_str_eq(query_encode(&arena, STR("\xC3\xA9")).at, "%C3%A9");
    ck_assert_str_eq(query_encode(&arena, STR("")).at, "");
    arena_finish(&arena);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    struct arena arena;
    struct query query;
    arena_init(&arena, NULL, 0);
    clock_t start = clock();
    ck_assert_int_eq(query_parse((struct gale_str){text, len * times}, SIZE_MAX, &arena, &query),
                     0);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    arena_finish(&arena);
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {"a=b&", "&", "%", "%4", "=", "%41", "a"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of \"%s\"", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(reads_pairs, limits_the_number_of_pairs, finds_by_name_and_nth,
          encodes_every_byte_so_that_it_comes_back, takes_linear_time)
