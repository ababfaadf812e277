/* Ranges against sizes: parts, wholes, refusals, and every edge of the numbers. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/range.h"

#define MAX UINT64_MAX

START_TEST(resolves)
{
    static const struct {
        struct gale_str field;
        uint64_t size;
        int result;
        struct range range;
    } rows[] = {
        {STR("bytes=0-9"), 26, 1, {0, 9}},
        {STR("bytes=1-4"), 26, 1, {1, 4}},
        {STR("bytes=0-0"), 26, 1, {0, 0}},
        {STR("bytes=25-25"), 26, 1, {25, 25}},
        {STR("bytes=1-10000000"), 26, 1, {1, 25}},
        {STR("bytes=22-"), 26, 1, {22, 25}},
        {STR("bytes=-4"), 26, 1, {22, 25}},
        {STR("bytes=-1"), 26, 1, {25, 25}},
        {STR("bytes=-25"), 26, 1, {1, 25}},
        {STR("BYTES=1-2"), 26, 1, {1, 2}},
        {STR("bYtEs=1-2"), 26, 1, {1, 2}},
        {STR("bytes=01-002"), 26, 1, {1, 2}},
        {STR("bytes= 1-2 "), 26, 1, {1, 2}},
        {STR("bytes=,1-2,, "), 26, 1, {1, 2}},
        /* the whole */
        {STR("bytes=0-"), 26, 0, {0}},
        {STR("bytes=0-25"), 26, 0, {0}},
        {STR("bytes=0-10000000"), 26, 0, {0}},
        {STR("bytes=-26"), 26, 0, {0}},
        {STR("bytes=-1000000"), 26, 0, {0}},
        {STR("bytes=-1"), 1, 0, {0}},
        {STR("bytes=0-0"), 1, 0, {0}},
        {STR("bytes=-1"), 0, 0, {0}},
        /* ignored: another unit, nothing, junk */
        {STR(""), 26, 0, {0}},
        {STR("asdf"), 26, 0, {0}},
        {STR("bytes"), 26, 0, {0}},
        {STR("bytes="), 26, 0, {0}},
        {STR("bytes= , ,"), 26, 0, {0}},
        {STR("bytes=asdf"), 26, 0, {0}},
        {STR("bytes=-"), 26, 0, {0}},
        {STR("bytes=--1"), 26, 0, {0}},
        {STR("bytes=1--2"), 26, 0, {0}},
        {STR("bytes=1-2-3"), 26, 0, {0}},
        {STR("bytes=+1-2"), 26, 0, {0}},
        {STR("bytes=1-+2"), 26, 0, {0}},
        {STR("bytes=0x1-2"), 26, 0, {0}},
        {STR("bytes=1 -2"), 26, 0, {0}},
        {STR("bytes=1- 2"), 26, 0, {0}},
        {STR("bytes=1-2\0"), 26, 0, {0}},
        {STR("bytes=1-2;3-4"), 26, 0, {0}},
        {STR("bytes=1-2/26"), 26, 0, {0}},
        {STR("bytes:1-2"), 26, 0, {0}},
        {STR("bytes =1-2"), 26, 0, {0}},
        {STR(" bytes=1-2"), 26, 0, {0}},
        {STR("lines=1-2"), 26, 0, {0}},
        {STR("byte=1-2"), 26, 0, {0}},
        {STR("bytes=bytes=1-2"), 26, 0, {0}},
        /* refused */
        {STR("bytes=-0"), 26, -ERANGE, {0}},
        {STR("bytes=26-"), 26, -ERANGE, {0}},
        {STR("bytes=26"), 26, -ERANGE, {0}},
        {STR("bytes=26-30"), 26, -ERANGE, {0}},
        {STR("bytes=10-3"), 26, -ERANGE, {0}},
        {STR("bytes=100-3"), 26, -ERANGE, {0}},
        {STR("bytes=0-"), 0, -ERANGE, {0}},
        {STR("bytes=0-0"), 0, -ERANGE, {0}},
        {STR("bytes=-0"), 0, -ERANGE, {0}},
        /* numbers beyond 64 bits */
        {STR("bytes=18446744073709551615-"), 26, -ERANGE, {0}},
        {STR("bytes=18446744073709551616-"), 26, -ERANGE, {0}},
        {STR("bytes=99999999999999999999999-99999999999999999999999"), 26, -ERANGE, {0}},
        {STR("bytes=1-18446744073709551615"), 26, 1, {1, 25}},
        {STR("bytes=1-99999999999999999999999"), 26, 1, {1, 25}},
        {STR("bytes=-99999999999999999999999"), 26, 0, {0}},
        {STR("bytes=1-"), MAX, 1, {1, MAX - 1}},
        {STR("bytes=0-"), MAX, 0, {0}},
        {STR("bytes=18446744073709551614-"), MAX, 1, {MAX - 1, MAX - 1}},
        {STR("bytes=18446744073709551614-,0-0"), MAX, 0, {0}},
        {STR("bytes=0-0,18446744073709551614-"), MAX, 0, {0}},
        /* several that are one */
        {STR("bytes=1-2,3-4"), 26, 1, {1, 4}},
        {STR("bytes=3-4 , 1-2"), 26, 1, {1, 4}},
        {STR("bytes=1-9,2-3"), 26, 1, {1, 9}},
        {STR("bytes=2-3,1-9"), 26, 1, {1, 9}},
        {STR("bytes=1-5,4-8,8-10"), 26, 1, {1, 10}},
        {STR("bytes=5-,-22"), 26, 1, {4, 25}},
        {STR("bytes=0-4,5-"), 26, 0, {0}},
        {STR("bytes=1-2,1-2,1-2"), 26, 1, {1, 2}},
        {STR("bytes=1-2,30-40"), 26, 1, {1, 2}}, /* what does not exist leaves no gap */
        {STR("bytes=30-40,1-2,-0"), 26, 1, {1, 2}},
        {STR("bytes=30-40,50-,-0"), 26, -ERANGE, {0}},
        /* scattered ones, also if a later one would have closed the gap */
        {STR("bytes=1-2,4-5"), 26, 0, {0}},
        {STR("bytes=4-5,1-2"), 26, 0, {0}},
        {STR("bytes=1-2,4-5,3-3"), 26, 0, {0}},
        {STR("bytes=0-0,-1"), 26, 0, {0}},
        /* junk among them spoils all; an impossible one refuses */
        {STR("bytes=1-2,x"), 26, 0, {0}},
        {STR("bytes=30-,x"), 26, 0, {0}},
        {STR("bytes=1-2,5-3"), 26, -ERANGE, {0}},
        {STR("bytes=5-3,x"), 26, 0, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct range range = {77, 77};
        int r = range_parse(rows[i].field, rows[i].size, &range);
        ck_assert_msg(r == rows[i].result, "%s: %d", rows[i].field.at, r);
        struct range want = r == 1 ? rows[i].range : (struct range){77, 77};
        ck_assert_msg(range.first == want.first && range.last == want.last, "%s: %ju-%ju",
                      rows[i].field.at, (uintmax_t)range.first, (uintmax_t)range.last);
    }
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(6 + len * times);
    memcpy(text, "bytes=", 6);
    for (size_t i = 0; i < times; i++)
        memcpy(text + 6 + i * len, piece, len);
    struct range range;
    clock_t start = clock();
    range_parse((struct gale_str){text, 6 + len * times}, 26, &range);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {",", "1-2,", "1-2,4-5,", "0", " ", "-1,", "30-,"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(resolves, takes_linear_time)
