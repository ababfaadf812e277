/* What a plugin asks of its app. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/board.h"
#include "base/log.h"
#include "base/version.h"
#include "loop/ioloop.h"
#include "made_up.h"

static const char conf[] =
    "[app shop]\nmount = example.org/a/shop/\nmade = 1\n"
    "set word = hi\nset none = \"\"\nset file = x/y.html\nset root = /srv\nset plain = 42\n"
    "set minus = -7\nset size = 16K\nset time = 5m\nset ms = 500ms\nset bad = 3 apples\n"
    "set big = 99999999999999999999\nset huge = 9999999999999G\nset unit = K\nset neg = -1K\nset "
    "on = on\n"
    "set off = false\n";

struct stage {
    struct made_up made;
    struct gale_app *app;
};

static void open_stage(struct stage *stage)
{
    made_up_parse(&stage->made, conf);
    ck_assert_str_eq(stage->made.text, "");
    ck_assert_int_eq(apps_open(stage->made.config, &stage->app), 0);
}

static void close_stage(struct stage *stage)
{
    apps_close(stage->app, 1);
    made_up_finish(&stage->made);
}

START_TEST(knows_its_name_mount_and_settings)
{
    struct stage stage;
    open_stage(&stage);
    ck_assert_str_eq(gale_version(), GALE_VERSION);
    ck_assert_uint_eq(gale_abi(), GALE_ABI);
    ck_assert_str_eq(gale_app_name(stage.app), "shop");
    ck_assert_str_eq(gale_app_mount(stage.app), "/a/shop");
    ck_assert_str_eq(gale_setting(stage.app, "word", "x"), "hi");
    ck_assert_str_eq(gale_setting(stage.app, "none", "x"), "");
    ck_assert_str_eq(gale_setting(stage.app, "other", "x"), "x");
    ck_assert_ptr_null(gale_setting(stage.app, "other", NULL));
    stage.app->sets = NULL;
    ck_assert_str_eq(gale_setting(stage.app, "word", "x"), "x");
    close_stage(&stage);
}
END_TEST

START_TEST(paths_start_at_base)
{
    struct stage stage;
    open_stage(&stage);
    const char *path = gale_setting_path(stage.app, "file", NULL);
    ck_assert_str_eq(path, "/nowhere/x/y.html");
    ck_assert_ptr_eq(gale_setting_path(stage.app, "file", NULL), path); /* asked often, kept once */
    ck_assert_str_eq(gale_setting_path(stage.app, "root", NULL), "/srv");
    ck_assert_str_eq(gale_setting_path(stage.app, "other", "www"), "/nowhere/www");
    ck_assert_ptr_null(gale_setting_path(stage.app, "other", NULL));
    close_stage(&stage);
}
END_TEST

START_TEST(reads_numbers_with_units)
{
    static const struct {
        const char *name;
        int result;
        int64_t value;
    } rows[] = {
        {"plain", 0, 42},      {"minus", 0, -7},      {"size", 0, 16384},    {"time", 0, 300000},
        {"ms", 0, 500},        {"other", 0, 11},      {"bad", -EINVAL, 11},  {"none", -EINVAL, 11},
        {"big", -EINVAL, 11},  {"huge", -EINVAL, 11}, {"unit", -EINVAL, 11}, {"neg", -EINVAL, 11},
        {"word", -EINVAL, 11},
    };
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 0;
        ck_assert_int_eq(gale_setting_number(stage.app, rows[i].name, 11, &value), rows[i].result);
        ck_assert_int_eq(value, rows[i].value);
    }
    close_stage(&stage);
}
END_TEST

START_TEST(reads_choices_and_flags)
{
    static const char *const greetings[] = {"ho", "hi", NULL};
    static const char *const others[] = {"one", "two", "three", NULL};
    struct stage stage;
    int value = -1;
    open_stage(&stage);
    ck_assert_int_eq(gale_setting_choice(stage.app, "word", greetings, 0, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(gale_setting_choice(stage.app, "other", greetings, 1, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(gale_setting_choice(stage.app, "word", others, 2, &value), -EINVAL);
    ck_assert_int_eq(value, 2);
    ck_assert_int_eq(gale_setting_flag(stage.app, "on", 0, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(gale_setting_flag(stage.app, "off", 1, &value), 0);
    ck_assert_int_eq(value, 0);
    ck_assert_int_eq(gale_setting_flag(stage.app, "other", 1, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(gale_setting_flag(stage.app, "word", 0, &value), -EINVAL);
    close_stage(&stage);
}
END_TEST

static int asked;

static void *give_shared(const char *app, const char *name, size_t size)
{
    static char memory[64];
    asked++;
    ck_assert_str_eq(app, "shop");
    if (strcmp(name, "full") == 0) {
        errno = ENOSPC;
        return NULL;
    }
    ck_assert_uint_le(size, sizeof(memory));
    return memory;
}

START_TEST(shares_memory)
{
    struct stage stage;
    open_stage(&stage);
    unsigned char *own = gale_shared(stage.app, "visits", 32);
    ck_assert_ptr_nonnull(own);
    ck_assert_uint_eq(own[0] | own[31], 0);
    ck_assert_ptr_eq(gale_shared(stage.app, "visits", 32), own);
    ck_assert_ptr_ne(gale_shared(stage.app, "visits", 33), own);
    ck_assert_ptr_ne(gale_shared(stage.app, "others", 32), own);
    errno = 0;
    ck_assert_ptr_null(gale_shared(stage.app, "", 32));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(gale_shared(stage.app, "x", 0));
    app_set_shared(give_shared);
    void *shared = gale_shared(stage.app, "masters", 64);
    ck_assert_ptr_nonnull(shared);
    ck_assert_ptr_eq(gale_shared(stage.app, "masters", 64), shared);
    ck_assert_int_eq(asked, 1);
    ck_assert_ptr_null(gale_shared(stage.app, "full", 8));
    ck_assert_int_eq(errno, ENOSPC);
    close_stage(&stage);
}
END_TEST

/* What the log holds after `fn`. */
static const char *log_of(void (*fn)(struct gale_app *), struct gale_app *app)
{
    static char text[4096];
    int pair[2];
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
    log_set_fd(pair[1]);
    fn(app);
    log_set_fd(STDERR_FILENO);
    ssize_t n = read(pair[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    close(pair[0]);
    close(pair[1]);
    return text;
}

static void say_things(struct gale_app *app)
{
    gale_log(app, GALE_WARN, "%d %s", 5, "apples");
    gale_log_str(app, GALE_ERROR, STR("a\nb"));
    gale_log(app, GALE_DEBUG, "not shown");
    gale_log(app, 99, "odd level");
}

START_TEST(logs_with_the_apps_name)
{
    struct stage stage;
    open_stage(&stage);
    const char *log = log_of(say_things, stage.app);
    ck_assert_ptr_nonnull(strstr(log, "level=warn "));
    ck_assert_ptr_nonnull(strstr(log, "msg=\"5 apples\" app=shop generation=0\n"));
    ck_assert_ptr_nonnull(strstr(log, "msg=\"a\\nb\" app=shop"));
    ck_assert_ptr_null(strstr(log, "not shown"));
    ck_assert_ptr_nonnull(strstr(log, "level=info"));
    close_stage(&stage);
}
END_TEST

static void say_on_task(void *data)
{
    struct task_label label = {"shop", "/x", "00ff"};
    task_set_label(task_current(), &label);
    gale_log(data, GALE_WARN, "with an id");
    task_set_label(task_current(), NULL);
    gale_log(data, GALE_WARN, "without");
}

static void say_from_task(struct gale_app *app)
{
    struct ioloop *loop;
    board_mine->generation = 3;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(task_spawn(loop, say_on_task, app, 0, NULL), 0);
    ioloop_turn(loop, 0);
    ioloop_destroy(loop);
}

START_TEST(logs_the_request_of_its_task)
{
    struct stage stage;
    open_stage(&stage);
    const char *log = log_of(say_from_task, stage.app);
    ck_assert_ptr_nonnull(strstr(log, "msg=\"with an id\" app=shop id=00ff generation=3\n"));
    ck_assert_ptr_nonnull(strstr(log, "msg=without app=shop generation=3\n"));
    close_stage(&stage);
}
END_TEST

UNIT_MAIN(knows_its_name_mount_and_settings, paths_start_at_base, reads_numbers_with_units,
          reads_choices_and_flags, shares_memory, logs_with_the_apps_name,
          logs_the_request_of_its_task)
