/* test_watch.c - every way in which people and programs replace a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/ioloop.h"
#include "process/watch.h"
#include "unit.h"

enum { QUIET_MS = 20, MISSING_MS = 200, SETTLE_MS = 150, LONG_MS = 20000 };

static struct ioloop *loop;
static struct watch *watch;
static char folder[32];
static int calls;

static void count_call(void *data)
{
    (void)data;
    calls++;
}

/* A path in the folder; a few at a time. */
static const char *at(const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void run_for(int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        ck_assert_int_eq(ioloop_turn(loop, 5), 0);
}

/* Whether fn was called since, once or a few times: on a slow machine a step of ours may last
 * longer than the quiet. */
static bool is_told(void)
{
    for (int64_t end = clock_mono_ms() + LONG_MS; !calls && clock_mono_ms() < end;)
        ck_assert_int_eq(ioloop_turn(loop, 5), 0);
    bool told = calls > 0;
    run_for(SETTLE_MS);
    calls = 0;
    return told;
}

static bool is_silent(void)
{
    run_for(SETTLE_MS);
    return calls == 0;
}

static void watch_two(const char *a, const char *b)
{
    char first[64], second[64];
    snprintf(first, sizeof(first), "%s", at(a));
    snprintf(second, sizeof(second), "%s", at(b));
    const char *const paths[] = {first, second};
    watch_set(watch, paths, 2);
    ck_assert(is_silent());
}

static void set_up_as(const struct watch_settings *settings)
{
    strcpy(folder, "/tmp/gale-watch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    watch = watch_create(loop, settings);
    calls = 0;
    write_file("a", "1");
    write_file("b", "1");
}

static void set_up(int64_t missing_ms)
{
    const struct watch_settings settings = {QUIET_MS, missing_ms, false, count_call, NULL};
    set_up_as(&settings);
}

static void tear_down(void)
{
    char command[64];
    watch_destroy(watch);
    ioloop_destroy(loop);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(tells_of_each_way_to_replace)
{
    set_up(-1);
    watch_two("a", "b");
    write_file("a", "in place");
    ck_assert(is_told());

    write_file("new", "renamed");
    ck_assert_int_eq(rename(at("new"), at("a")), 0);
    ck_assert(is_told());

    unlink(at("b"));
    ck_assert(is_silent());
    write_file("b", "deleted first");
    ck_assert(is_told());

    /* as vim does it: the old one is renamed, and kept */
    ck_assert_int_eq(rename(at("a"), at("a~")), 0);
    write_file("a", "backed up");
    ck_assert(is_told());

    ck_assert_int_eq(truncate(at("a"), 2), 0);
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(is_silent_about_others)
{
    set_up(-1);
    watch_two("a", "b");
    write_file("c", "1");
    ck_assert_int_eq(mkdir(at("d"), 0755), 0);
    int fd = open(at("a"), O_RDONLY);
    close(fd);
    ck_assert(is_silent());
    tear_down();
}
END_TEST

START_TEST(follows_links)
{
    set_up(-1);
    ck_assert_int_eq(mkdir(at("one"), 0755), 0);
    ck_assert_int_eq(mkdir(at("two"), 0755), 0);
    write_file("one/a", "1");
    write_file("two/a", "2");
    ck_assert_int_eq(symlink("one", at("current")), 0);
    watch_two("current/a", "b");

    ck_assert_int_eq(symlink("two", at("next")), 0);
    ck_assert_int_eq(rename(at("next"), at("current")), 0);
    ck_assert(is_told());
    write_file("one/a", "nobody's");
    ck_assert(is_silent());
    write_file("two/a", "in place");
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(waits_for_folders)
{
    set_up(-1);
    watch_two("x/y/a", "b");
    ck_assert_int_eq(mkdir(at("x"), 0755), 0);
    ck_assert_int_eq(mkdir(at("x/y"), 0755), 0);
    ck_assert(is_silent());
    write_file("x/y/a", "1");
    ck_assert(is_told());
    unlink(at("x/y/a"));
    ck_assert_int_eq(rmdir(at("x/y")), 0);
    ck_assert(is_silent());
    ck_assert_int_eq(mkdir(at("x/y"), 0755), 0);
    write_file("x/y/a", "2");
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(waits_for_the_writer)
{
    set_up(-1);
    watch_two("a", "b");
    int fd = open(at("a"), O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, "half", 4), 4);
    ck_assert(is_silent());
    ck_assert_int_eq(write(fd, "rest", 4), 4);
    close(fd);
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(waits_for_no_other_writer_if_hasty)
{
    const struct watch_settings settings = {QUIET_MS, -1, true, count_call, NULL};
    set_up_as(&settings);
    watch_two("a", "b");
    int fd = open(at("a"), O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, "half", 4), 4);
    ck_assert(is_silent());
    write_file("b", "2");
    ck_assert(is_told());
    ck_assert_int_eq(write(fd, "rest", 4), 4);
    close(fd);
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(tells_of_a_missing_file_in_time)
{
    set_up(MISSING_MS);
    watch_two("a", "b");
    unlink(at("a"));
    ck_assert(is_told());
    ck_assert(is_silent());
    write_file("a", "1");
    ck_assert(is_told());
    tear_down();
}
END_TEST

START_TEST(keeps_what_changed_while_the_set_did)
{
    set_up(-1);
    watch_two("a", "b");
    write_file("a", "2");
    char a[64], c[64];
    snprintf(a, sizeof(a), "%s", at("a"));
    snprintf(c, sizeof(c), "%s", at("c"));
    const char *const paths[] = {a, c};
    watch_set(watch, paths, 2);
    ck_assert(is_told());
    write_file("b", "2");
    ck_assert(is_silent());
    tear_down();
}
END_TEST

UNIT_MAIN(tells_of_each_way_to_replace, is_silent_about_others, follows_links, waits_for_folders,
          waits_for_the_writer, waits_for_no_other_writer_if_hasty, tells_of_a_missing_file_in_time,
          keeps_what_changed_while_the_set_did)
