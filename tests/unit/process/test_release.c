/* test_release.c - how many workers of a release crashed, and when. */
#include "process/release.h"

#include "unit.h"

static struct release *make(const char *text, size_t len)
{
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, text, len);
    return release_create(7, -1, &digest);
}

START_TEST(counts_what_is_recent)
{
    struct release *release = make("a", 1);
    release_count_crash(release, 1000);
    release_count_crash(release, 2000);
    release_count_crash(release, 3000);
    ck_assert_uint_eq(release_crashes(release, 3000, 5000), 3);
    ck_assert_uint_eq(release_crashes(release, 3000, 1000), 2);
    ck_assert_uint_eq(release_crashes(release, 9000, 1000), 0);
    release_free(release);
}
END_TEST

START_TEST(counts_no_more_than_it_keeps)
{
    struct release *release = make("a", 1);
    for (int i = 0; i < 3 * RELEASE_CRASHES; i++)
        release_count_crash(release, i);
    ck_assert_uint_eq(release->crashes, 3 * RELEASE_CRASHES);
    ck_assert_uint_eq(release_crashes(release, 3 * RELEASE_CRASHES, 1000), RELEASE_CRASHES);
    ck_assert_uint_eq(release_crashes(release, 3 * RELEASE_CRASHES - 1, 9), 10);
    release_free(release);
}
END_TEST

START_TEST(is_young_once_it_serves)
{
    struct release *release = make("a", 1);
    ck_assert(!release_is_young(release, 100, 1000));
    release->live_ms = 100;
    ck_assert(release_is_young(release, 1100, 1000));
    ck_assert(!release_is_young(release, 1101, 1000));
    release_free(release);
    release_free(NULL);
}
END_TEST

START_TEST(goes_on_as_what_it_was)
{
    struct release *release = make("a", 1), *next = make("a", 1);
    release->live_ms = 100;
    release->source = 3;
    release_count_crash(release, 1000);
    struct release *resumed = release_resume(release);
    ck_assert_str_eq(resumed->digest, next->digest);
    release_continue(next, resumed);
    ck_assert_int_eq(next->live_ms, 100);
    ck_assert_uint_eq(next->source, 3);
    ck_assert_uint_eq(release_crashes(next, 1000, 10), 1);
    release_free(release);
    release_free(resumed);
    release_free(next);
}
END_TEST

START_TEST(holds_what_its_apps_load)
{
    struct release *release = make("a", 1);
    const struct copied *one = (const void *)"one", *two = (const void *)"two";
    release_add_code(release, "shop", one);
    release_add_code(release, "site", two);
    ck_assert_ptr_eq(release_find_code(release, "shop"), one);
    ck_assert_ptr_eq(release_find_code(release, "site"), two);
    ck_assert_ptr_null(release_find_code(release, "sh"));
    ck_assert(release_uses(release, two));
    ck_assert(!release_uses(release, NULL));
    ck_assert(!release_uses(NULL, one));
    release_free(release);
}
END_TEST

START_TEST(the_same_files_are_the_same_release)
{
    struct release *a = make("text", 4), *b = make("text", 4), *c = make("texT", 4);
    ck_assert_str_eq(a->digest, b->digest);
    ck_assert_str_ne(a->digest, c->digest);
    release_free(a);
    release_free(b);
    release_free(c);
}
END_TEST

UNIT_MAIN(counts_what_is_recent, counts_no_more_than_it_keeps, is_young_once_it_serves,
          goes_on_as_what_it_was, holds_what_its_apps_load, the_same_files_are_the_same_release)
