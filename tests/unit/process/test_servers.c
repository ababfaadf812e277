/* test_servers.c - servers.c, server_set.c, server_process.c, server_output.c and server_plan.c:
 * who is started, kept, replaced and ended, with shell programs in the place of servers. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/server_set.h"
#include "process/servers.h"
#include "process/worker_arguments.h"

/* ---- an adapter that wants a shell program ---- */

struct made_settings {
    const char *made, *folder;
    int64_t processes;
};

#define AT(field) offsetof(struct made_settings, field)
static const struct setting made_table[] = {
    {"made", SETTING_TEXT, AT(made), .help = "x."},
    {"folder", SETTING_TEXT, AT(folder), .initial = "/", .help = "x."},
    {"processes", SETTING_COUNT, AT(processes), .initial = "1", .help = "x."},
    {.key = NULL}};

static bool made_servers(const struct app_config *config, struct arena *arena,
                         struct app_servers *out)
{
    static const char *const none[] = {NULL};
    const struct made_settings *settings = config->settings;
    const char **argv = arena_zalloc(arena, 4 * sizeof(*argv));
    if (strcmp(settings->made, "nothing") == 0)
        return false;
    bool is_path = settings->made[0] == '/';
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = arena_copy(arena, settings->made, strlen(settings->made)).at;
    *out = (struct app_servers){.program = is_path ? argv[2] : "/bin/sh",
                                .argv = argv,
                                .envp = none,
                                .folder = "/",
                                .processes = settings->processes,
                                .grace_ms = 60000};
    return true;
}

static const struct adapter made = {.name = "made",
                                    .table = made_table,
                                    .settings_size = sizeof(struct made_settings),
                                    .servers = made_servers};
static const struct adapter *const adapters[] = {&made, NULL};

static struct config *parse(const char *text)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("x.ini", str_of(text), adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    arena_finish(&arena);
    return config;
}

#define APP(name, keys) "[app " name "]\nmount = /" name "\n" keys "\n"
#define SLEEPS          "made = exec sleep 1000"

/* ---- the master's part ---- */

static struct servers servers;
static bool is_empty_told;

static void on_empty(void *data)
{
    (void)data;
    is_empty_told = true;
}

static void begin(void)
{
    log_set_fd(-1);
    servers_init(&servers);
    ck_assert_int_eq(ioloop_create(NULL, &servers.loop), 0);
    servers.on_empty.fn = on_empty;
    is_empty_told = false;
}

static void end(void)
{
    servers_finish(&servers);
    ioloop_destroy(servers.loop);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
    ck_assert_int_eq(errno, ECHILD);
}

#define turn_until(condition)                                                                      \
    for (int turns_ = 0; !(condition); turns_++) {                                                 \
        ck_assert_msg(turns_ < 3000, "waited in vain for %s", #condition);                         \
        ioloop_turn(servers.loop, 5);                                                              \
    }

static size_t count_sets(void)
{
    size_t count = 0;
    list_each (&servers.sets, link)
        count++;
    return count;
}

static struct server_set *newest(void)
{
    return container_of(servers.sets.prev, struct server_set, link);
}

static int prepare(const struct config *config)
{
    char *error = NULL;
    int r = servers_prepare(&servers, config, NULL, &error);
    ck_assert_int_eq(r < 0, error != NULL);
    free(error);
    return r;
}

/* ---- who is started ---- */

START_TEST(a_set_is_shared_by_those_that_want_the_same)
{
    struct config *one = parse(APP("a", SLEEPS "\nprocesses = 3") APP("b", "made = nothing"));
    struct config *two = parse(APP("b", "made = nothing") APP("a", SLEEPS "\nprocesses = 3"));
    begin();
    ck_assert_int_eq(prepare(one), 0);
    ck_assert_uint_eq(newest()->running, 3);
    pid_t pid = newest()->processes[0].child.pid;
    ck_assert_int_eq(getpgid(pid), pid);
    ck_assert_int_eq(prepare(two), 0);
    ck_assert_uint_eq(count_sets(), 1);
    size_t count;
    struct worker_server *found = servers_of(&servers, two, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(found[0].app, 1);
    ck_assert_int_eq(found[0].fd, newest()->socket.path_fd);
    free(found);
    servers_release(&servers, one);
    ioloop_turn(servers.loop, 0);
    ck_assert_uint_eq(newest()->running, 3);
    ck_assert_int_eq(newest()->processes[0].child.pid, pid);
    servers_release(&servers, two);
    turn_until(servers_is_empty(&servers));
    ck_assert(is_empty_told);
    ck_assert_ptr_null(servers_of(&servers, two, &count));
    config_close(one);
    config_close(two);
    end();
}
END_TEST

START_TEST(whatever_differs_makes_another_set)
{
    char path[] = "/tmp/gale-unit-XXXXXX", text[300];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "#!/bin/sh\nexec sleep 1000\n"), 0);
    ck_assert_int_eq(fchmod(fd, 0755), 0);
    close(fd);
    snprintf(text, sizeof(text), APP("a", "made = %s"), path);
    const char *const texts[] = {APP("a", SLEEPS),
                                 APP("b", SLEEPS),
                                 APP("a", SLEEPS "1"),
                                 APP("a", SLEEPS "\nprocesses = 2"),
                                 text,
                                 text};
    struct config *configs[ARRAY_LEN(texts)];
    begin();
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct stat info;
        if (i == ARRAY_LEN(texts) - 1) { /* the same path, another program */
            ck_assert_int_eq(stat(path, &info), 0);
            struct timespec times[2] = {info.st_atim, {.tv_sec = 1}};
            ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
        }
        configs[i] = parse(texts[i]);
        ck_assert_int_eq(prepare(configs[i]), 0);
        ck_assert_uint_eq(count_sets(), i + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        config_close(configs[i]);
    unlink(path);
    end();
}
END_TEST

START_TEST(what_cannot_be_started_changes_nothing)
{
    struct config *right = parse(APP("a", SLEEPS));
    struct config *wrong = parse(APP("a", SLEEPS) APP("b", SLEEPS) APP("c", "made = /no/such"));
    char *error = NULL;
    begin();
    ck_assert_int_eq(prepare(right), 0);
    ck_assert_int_lt(servers_prepare(&servers, wrong, NULL, &error), 0);
    ck_assert_str_eq(error, "x.ini:7: [app c] command: /no/such cannot be started: No such file or "
                            "directory");
    free(error);
    turn_until(count_sets() == 1);
    ck_assert_uint_eq(newest()->running, 1);
    ck_assert(!newest()->is_ending);
    config_close(right);
    config_close(wrong);
    end();
}
END_TEST

/* ---- who ends ---- */

START_TEST(who_dies_is_replaced)
{
    struct config *config = parse(APP("a", SLEEPS));
    begin();
    ck_assert_int_eq(prepare(config), 0);
    struct server_process *process = &newest()->processes[0];
    for (unsigned i = 1; i <= 3; i++) {
        pid_t pid = process->child.pid;
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        turn_until(process->restarts == i && process->state == SERVER_RUNNING);
        ck_assert_int_ne(process->child.pid, pid);
        ck_assert_int_eq(process->delay_ms, BACKOFF_FIRST_MS << (i - 1));
    }
    config_close(config);
    end();
}
END_TEST

START_TEST(who_never_stays_is_down)
{
    struct config *config = parse(APP("a", "made = echo one; echo the end >&2; echo; exit 4"));
    begin();
    ck_assert_int_eq(prepare(config), 0);
    struct server_set *set = newest();
    turn_until(set->is_down);
    ck_assert_str_eq(set->processes[0].output.last, "the end");
    ck_assert_int_eq(board_sum(set->metrics[SERVERS_DOWN]), 1);
    ck_assert_int_eq(board_sum(set->metrics[SERVERS_RUNNING]), 0);
    unsigned restarts = set->processes[0].restarts;
    turn_until(set->processes[0].restarts > restarts);
    turn_until(set->is_down);
    servers_release(&servers, config);
    turn_until(servers_is_empty(&servers));
    ck_assert_int_eq(board_sum(servers_metric(SERVERS_DOWN, "a")), 0);
    config_close(config);
    end();
}
END_TEST

START_TEST(who_does_not_listen_is_killed)
{
    struct config *config =
        parse(APP("a", "made = trap '' TERM; echo deaf; while :; do sleep 1; done"));
    begin();
    ck_assert_int_eq(prepare(config), 0);
    turn_until(strcmp(newest()->processes[0].output.last, "deaf") == 0);
    servers_release(&servers, config);
    for (int i = 0; i < 20; i++)
        ioloop_turn(servers.loop, 5);
    ck_assert(!servers_is_empty(&servers));
    ck_assert_int_eq(newest()->processes[0].state, SERVER_ENDING);
    servers_kill(&servers);
    turn_until(servers_is_empty(&servers));
    config_close(config);
    end();
}
END_TEST

/* ---- the last line ---- */

START_TEST(the_last_line_is_kept)
{
    static const struct {
        const char *said, *last;
    } lines[] = {
        {"", ""},           {"a", "a"},          {"a\nb", "b"},  {"a\nb\n", "b"},
        {"a\n\n\r\n", "a"}, {"a\nlong\nx", "x"}, {"\n\nq", "q"}, {"a b\r\nc d\r\n", "c d"}};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        for (size_t step = 1; step <= 3; step++) {
            struct server_output output = {.fd = -1};
            size_t len = strlen(lines[i].said);
            for (size_t at = 0; at < len; at += step)
                server_output_remember(&output, lines[i].said + at,
                                       at + step < len ? step : len - at);
            ck_assert_str_eq(output.last, lines[i].last);
        }
    struct server_output output = {.fd = -1};
    for (int i = 0; i < 1000; i++)
        server_output_remember(&output, "y", 1);
    ck_assert_uint_eq(strlen(output.last), SERVER_LAST);
}
END_TEST

UNIT_MAIN(a_set_is_shared_by_those_that_want_the_same, whatever_differs_makes_another_set,
          what_cannot_be_started_changes_nothing, who_dies_is_replaced, who_never_stays_is_down,
          who_does_not_listen_is_killed, the_last_line_is_kept)
