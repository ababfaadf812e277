/* How builds stand, there and back again; and what nobody encoded (dev_state.c). */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "app/dev_state.h"
#include "base/arena.h"
#include "base/str.h"

static struct dev_app apps[] = {
    {"hello", DEV_LIVE, true, true, 0, 120, "/srv/hello", "cc hello.c", "", {"", "", "", ""}},
    {"shop",
     DEV_BROKEN,
     false,
     false,
     7,
     3,
     "/srv/shop",
     "make",
     "shop.c:1:2: error: \xE2\x80\x98;\n",
     {"id", "what", "f\tg.c\t3\n", "words"}},
};
static const struct dev_state state = {
    1234567890123, {9, "gale.ini", "/srv", "gale.ini:3: no\n"}, apps, 2};

START_TEST(is_the_same_again)
{
    struct arena arena;
    struct dev_state out = {0};
    arena_init(&arena, NULL, 0);
    struct gale_str text = dev_state_encode(&state, &arena);
    ck_assert_int_eq(dev_state_decode(text, &arena, &out), 0);
    ck_assert_uint_eq(out.build, state.build);
    ck_assert_uint_eq(out.count, 2);
    ck_assert_uint_eq(out.conf.trouble, 9);
    ck_assert_str_eq(out.conf.name, "gale.ini");
    ck_assert_str_eq(out.conf.folder, "/srv");
    ck_assert_str_eq(out.conf.text, "gale.ini:3: no\n");
    for (size_t i = 0; i < out.count; i++) {
        ck_assert_str_eq(out.apps[i].name, apps[i].name);
        ck_assert_int_eq(out.apps[i].stage, apps[i].stage);
        ck_assert_int_eq(out.apps[i].is_building, apps[i].is_building);
        ck_assert_int_eq(out.apps[i].is_openable, apps[i].is_openable);
        ck_assert_uint_eq(out.apps[i].trouble, apps[i].trouble);
        ck_assert_int_eq(out.apps[i].ms, apps[i].ms);
        ck_assert_str_eq(out.apps[i].folder, apps[i].folder);
        ck_assert_str_eq(out.apps[i].command, apps[i].command);
        ck_assert_str_eq(out.apps[i].text, apps[i].text);
        ck_assert_str_eq(out.apps[i].crash.id, apps[i].crash.id);
        ck_assert_str_eq(out.apps[i].crash.what, apps[i].crash.what);
        ck_assert_str_eq(out.apps[i].crash.stack, apps[i].crash.stack);
        ck_assert_str_eq(out.apps[i].crash.words, apps[i].crash.words);
    }
    ck_assert_ptr_eq(dev_state_find(&out, STR("shop")), &out.apps[1]);
    ck_assert_ptr_null(dev_state_find(&out, STR("sho")));
    ck_assert(dev_app_is_broken(&out.apps[1]));
    ck_assert(!dev_app_is_broken(&out.apps[0]));
    arena_finish(&arena);
}
END_TEST

START_TEST(a_part_of_one_is_none)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct gale_str text = dev_state_encode(&state, &arena);
    for (size_t len = 0; len < text.len; len++) {
        struct dev_state out = {.count = 77};
        ck_assert_int_eq(dev_state_decode((struct gale_str){text.at, len}, &arena, &out), -EINVAL);
        ck_assert_uint_eq(out.count, 77);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(numbers_are_numbers)
{
    static const char wrong_stage[] = "1\0"
                                      "1\0"
                                      "a\0"
                                      "9\0"
                                      "0\0"
                                      "0\0"
                                      "0\0"
                                      "\0\0\0\0\0\0";
    static const char too_many[] = "1\0"
                                   "99999\0";
    struct arena arena;
    struct dev_state out;
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(
        dev_state_decode((struct gale_str){wrong_stage, sizeof(wrong_stage)}, &arena, &out),
        -EINVAL);
    ck_assert_int_eq(
        dev_state_decode((struct gale_str){too_many, sizeof(too_many) - 1}, &arena, &out), -EINVAL);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(is_the_same_again, a_part_of_one_is_none, numbers_are_numbers)
