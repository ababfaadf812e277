/* Accept lists: weights, wildcards, and what to make of nonsense. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/accept.h"

START_TEST(weighs_codings)
{
    static const struct {
        struct gale_str field;
        int gzip, br, identity;
    } rows[] = {
        {{NULL, 0}, 0, 0, 1000},
        {STR(""), 0, 0, 1000},
        {STR("gzip"), 1000, 0, 1000},
        {STR("GZip, BR"), 1000, 1000, 1000},
        {STR("x-gzip"), 1000, 0, 1000},
        {STR("gzip, deflate, br"), 1000, 1000, 1000},
        {STR("gzip;q=0"), 0, 0, 1000},
        {STR("gzip;q=0.000, br;q=0.001"), 0, 1, 1000},
        {STR("gzip ; q=0.5 , br ;Q=1.0"), 500, 1000, 1000},
        {STR("gzip;q=0.123,br;q=1.000"), 123, 1000, 1000},
        {STR("gzip;q=0.,br;q=1."), 0, 1000, 1000},
        {STR("*"), 1000, 1000, 1000},
        {STR("*;q=0"), 0, 0, 0},
        {STR("*;q=0, identity"), 0, 0, 1000},
        {STR("identity;q=0, *;q=0.5"), 500, 500, 0},
        {STR("gzip;q=0, *"), 0, 1000, 1000}, /* the closest decides, in any order */
        {STR("*, gzip;q=0"), 0, 1000, 1000},
        {STR("gzip, *;q=0"), 1000, 0, 0},
        {STR("gzip;q=0.1, gzip;q=0.9"), 900, 0, 1000},
        {STR("gzip;q=0.9, gzip;q=0.1"), 900, 0, 1000},
        {STR("gzipx, xgzip, gzi"), 0, 0, 1000},
        {STR(",, gzip ,,"), 1000, 0, 1000},
        {STR("br;level=3;q=0.2, gzip;q=0.3;x=y"), 300, 200, 1000},
        /* malformed elements are not there */
        {STR("gzip;q=2"), 0, 0, 1000},
        {STR("gzip;q=1.001"), 0, 0, 1000},
        {STR("gzip;q=1.0000"), 0, 0, 1000},
        {STR("gzip;q=0.1234"), 0, 0, 1000},
        {STR("gzip;q=-1"), 0, 0, 1000},
        {STR("gzip;q=.5"), 0, 0, 1000},
        {STR("gzip;q=0,5"), 0, 0, 1000},
        {STR("gzip;q=05"), 0, 0, 1000},
        {STR("gzip;q=0.x"), 0, 0, 1000},
        {STR("gzip;q="), 0, 0, 1000},
        {STR("gzip;q"), 0, 0, 1000},
        {STR("gzip; q = 1, br"), 0, 1000, 1000},
        {STR("gzip br"), 0, 0, 1000},
        {STR("gzip;q=1;q=x, br"), 0, 1000, 1000},
        {STR(";q=1"), 0, 0, 1000},
        {STR("\"gzip, br\", br;x=\"a,b;q=0\""), 0, 1000, 1000},
        {STR("gzip\0, br"), 0, 1000, 1000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(accept_coding(rows[i].field, STR("gzip")) == rows[i].gzip, "row %zu", i);
        ck_assert_msg(accept_coding(rows[i].field, STR("br")) == rows[i].br, "row %zu", i);
        ck_assert_msg(accept_coding(rows[i].field, STR("identity")) == rows[i].identity, "row %zu",
                      i);
    }
    ck_assert_int_eq(accept_coding(STR("gzip"), STR("x-gzip")), 1000);
}
END_TEST

START_TEST(chooses_a_type)
{
    enum { HTML, JSON, TEXT };
    static const char *const types[] = {"text/html", "application/json", "text/plain"};
    static const struct {
        struct gale_str field;
        int choice;
    } rows[] = {
        {{NULL, 0}, HTML},
        {STR(""), HTML},
        {STR(" "), HTML},
        {STR("*/*"), HTML},
        {STR("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), HTML},
        {STR("application/json"), JSON},
        {STR("Application/JSON; charset=utf-8"), JSON},
        {STR("application/*"), JSON},
        {STR("application/json, text/plain, */*"), JSON}, /* named, not only allowed */
        {STR("text/plain, application/json"), JSON},      /* equals: the server's order */
        {STR("text/plain"), TEXT},
        {STR("text/*"), HTML},
        {STR("text/*, text/html;q=0.5"), TEXT}, /* the closest decides */
        {STR("text/html;q=0.5, text/*"), TEXT},
        {STR("*/*;q=0.9, text/*;q=0.1"), JSON},
        {STR("*/*, text/html;q=0, application/json;q=0"), TEXT},
        {STR("application/json;q=0.9, text/html;q=0.91"), HTML},
        {STR("application/json;q=0.9, text/plain;q=0.901"), TEXT},
        {STR("image/png, */*;q=0.001"), HTML},
        {STR("image/png"), -ENOENT},
        {STR("*/*;q=0"), -ENOENT},
        {STR("text/html;q=0, text/plain;q=0"), -ENOENT},
        {STR("text"), -ENOENT},
        {STR("text/"), -ENOENT},
        {STR("/"), -ENOENT},
        {STR("*"), -ENOENT},
        {STR("*/html"), -ENOENT},
        {STR("text/htm, text/htmlx, xtext/html"), -ENOENT},
        {STR("junk;;q=x, application/json"), JSON},
        {STR(","), -ENOENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int choice = accept_type(rows[i].field, types, ARRAY_LEN(types));
        ck_assert_msg(choice == rows[i].choice, "row %zu: %d", i, choice);
    }
    ck_assert_int_eq(accept_type(STR("*/*"), NULL, 0), -ENOENT);
    ck_assert_int_eq(accept_type(STR(""), NULL, 0), -ENOENT);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    clock_t start = clock();
    accept_coding((struct gale_str){text, len * times}, STR("gzip"));
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {",", "a;q=0,", ";", "a;b=\"", " ", "*/*,", "\"\\", "x;y;"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(weighs_codings, chooses_a_type, takes_linear_time)
