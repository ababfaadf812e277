/* test_watch_tree.c - files that come, change and go in folders that do the same. */
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "loop/ioloop.h"
#include "process/watch_tree.h"

enum { LONG_MS = 20000, SETTLE_MS = 100, FOLDERS_MAX = 8 };

static struct ioloop *loop;
static struct watch_tree *tree;
static char folder[64];
static char last[256];
static size_t calls, changes;

static void on_change(void *data, const char *name, size_t count)
{
    (void)data;
    calls++;
    changes += count;
    snprintf(last, sizeof(last), "%s", name);
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    ck_assert_int_eq(system(command), 0);
}

static void begin(void)
{
    static const struct watch_tree_settings settings = {FOLDERS_MAX, 20, 500, on_change, NULL};
    snprintf(folder, sizeof(folder), "/tmp/gale-tree-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    run("mkdir -p root/css/deep root/.git && echo a >root/a.html && echo a >root/css/deep/a.css");
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    char path[96];
    snprintf(path, sizeof(path), "%s/root", folder);
    tree = watch_tree_create(loop, path, &settings);
    ck_assert_ptr_nonnull(tree);
}

static void end(void)
{
    watch_tree_destroy(tree);
    ioloop_destroy(loop);
    ck_assert_int_eq(chdir("/"), 0);
    run("rm -rf %s", folder);
}

static void turn_for(int64_t ms)
{
    for (int64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;)
        ck_assert_int_eq(ioloop_turn(loop, 5), 0);
}

/* What the command does is told, with that name last. */
static void tells(const char *command, const char *name)
{
    calls = 0;
    *last = 0;
    run("%s", command);
    for (int64_t until = clock_mono_ms() + LONG_MS; !calls && clock_mono_ms() < until;)
        ck_assert_int_eq(ioloop_turn(loop, 5), 0);
    turn_for(SETTLE_MS);
    ck_assert_msg(calls > 0, "not told: %s", command);
    ck_assert_str_eq(last, name);
}

static void is_quiet(const char *command)
{
    calls = 0;
    run("%s", command);
    turn_for(SETTLE_MS);
    ck_assert_msg(!calls, "told of %s: %s", last, command);
}

START_TEST(changes_of_all_kinds)
{
    begin();
    tells("echo b >root/a.html", "a.html");
    tells("echo b >root/css/deep/a.css", "css/deep/a.css");
    tells("echo b >x && mv x root/css/b.css", "css/b.css");
    tells("rm root/css/b.css", "css/b.css");
    tells("mkdir -p root/new/er && sleep 0.05", "new");
    tells("echo b >root/new/er/b.js", "new/er/b.js");
    tells("mv root/new root/old", "old");
    tells("echo c >root/old/er/b.js", "old/er/b.js");
    tells("mv root/old ./away", "old");
    is_quiet("echo c >away/er/b.js");
    end();
}
END_TEST

START_TEST(what_is_nobodys_change)
{
    begin();
    is_quiet("echo x >root/.git/index; echo x >root/.hidden; echo x >root/a.html~");
    is_quiet("echo x >root/x.o; echo x >root/x.c; echo x >root/4913; cat root/a.html >away");
    is_quiet("mkdir -p root/node_modules/x; echo x >root/node_modules/x/y.js");
    end();
}
END_TEST

START_TEST(many_at_once_are_told_once_or_a_few_times)
{
    begin();
    tells("for i in 0 1 2 3 4 5 6 7 8 9; do echo x >root/$i.css; done", "9.css");
    ck_assert_uint_le(calls, 5);
    ck_assert_uint_ge(changes, 10);
    end();
}
END_TEST

START_TEST(a_root_that_goes_and_comes)
{
    begin();
    tells("mv root away; sleep 0.01; mkdir root; echo x >root/a.html", "");
    tells("echo y >root/a.html", "a.html");
    run("rm -r root");
    turn_for(1500);
    tells("mv away root", "");
    tells("echo y >root/css/deep/a.css", "css/deep/a.css");
    end();
}
END_TEST

START_TEST(links_and_rings)
{
    begin();
    run("mkdir real; ln -s ../../real root/css/link; ln -s .. root/css/ring");
    tells("mkdir root/x; mv root/x root/css/x", "css/x"); /* looks at it anew */
    tells("rm root/css/link; mkdir root/css/link", "css/link");
    end();
}
END_TEST

START_TEST(too_many_folders)
{
    begin();
    ck_assert(watch_tree_is_whole(tree));
    tells("mkdir root/1 root/2 root/3 root/4 root/5 root/6 root/7", "7");
    ck_assert(!watch_tree_is_whole(tree));
    tells("echo x >root/a.html", "a.html");
    end();
}
END_TEST

UNIT_MAIN(changes_of_all_kinds, what_is_nobodys_change, many_at_once_are_told_once_or_a_few_times,
          a_root_that_goes_and_comes, links_and_rings, too_many_folders)
