/* test_upgrade_state.c - what one master writes another reads (upgrade_write.c, upgrade_read.c,
 * upgrade_servers.c, upgrade_releases.c). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/board.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/release.h"
#include "process/server_set.h"
#include "process/upgrade_state.h"
#include "unit.h"

static const struct adapter *const adapters[] = {NULL};
static const struct master_options options = {.path = "(test)", .adapters = adapters};

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void init(struct master *master)
{
    *master =
        (struct master){.options = &options, .board_fd = -1, .log_fd = -1, .previous_exe = -1};
    list_init(&master->groups);
    master->front = group_create(master, "");
    copies_init(&master->copies);
    servers_init(&master->servers);
    ck_assert_int_eq(ioloop_create(NULL, &master->loop), 0);
    master->servers.loop = master->loop;
    crashes_init(&master->crashes, master->loop);
}

static const struct crash_report reports[] = {
    {.app = (char *)"shop",
     .count = 3,
     .died_ms = 1234567890123,
     .members = (char *)"\"what\":\"SIGSEGV\",\"text\":\"two\\nlines\""},
    {.app = (char *)"", .count = 1, .died_ms = 7, .since_ms = 5, .members = (char *)""},
};

static void fill(struct master *master)
{
    const int sockets[] = {open_socket(), open_socket()};
    struct listen_address address = {.text = (char *)"127.0.0.1:8080",
                                     .count = 2,
                                     .listening = 2,
                                     .live = 2,
                                     .target = 1,
                                     .inode = 77};
    ck_assert_int_eq(endpoint_parse(STR("127.0.0.1:8080"), &address.endpoint), 0);
    init(master);
    ck_assert_int_eq(board_create(&master->board, &master->board_fd), 0);
    master->last_number = 41;
    master->started_ms = 12345;
    master->pid_file = memory_copy("/run/x.pid", 10);
    listeners_restore(&master->listeners, &address, sockets);
    ck_assert_int_ge(shared_regions_find(&master->shared, "app", "count", 4096), 0);
    for (size_t i = 0; i < ARRAY_LEN(reports); i++)
        crashes_restore(&master->crashes, &reports[i]);
    copies_restore(&master->copies, "/run/gale/copies-7", open_socket());
    control_restore(master, "/nowhere/control", 5, open_socket());
}

static void are_there(const struct crashes *crashes)
{
    size_t i = 0;
    list_each (&crashes->kept, link) {
        const struct crash_report *report = container_of(link, struct crash_report, link);
        ck_assert_uint_lt(i, ARRAY_LEN(reports));
        ck_assert_str_eq(report->app, reports[i].app);
        ck_assert_str_eq(report->members, reports[i].members);
        ck_assert_uint_eq(report->count, reports[i].count);
        ck_assert_int_eq(report->died_ms, reports[i].died_ms);
        ck_assert_int_eq(report->since_ms, reports[i].since_ms);
        i++;
    }
    ck_assert_uint_eq(i, ARRAY_LEN(reports));
}

START_TEST(another_master_is_the_same)
{
    struct master before, after;
    struct buffer text = {0};
    struct upgrade_fds fds = {0};
    char *why = NULL;
    fill(&before);
    upgrade_state_write(&before, &text, &fds);
    /* board, control, region, copies, two sockets */
    ck_assert_uint_eq(fds.count, 6);
    ck_assert_int_eq(upgrade_state_check(buffer_str(&text), adapters, &why), 0);
    ck_assert_int_eq(upgrade_state_previous(buffer_str(&text)), -1);

    init(&after);
    ck_assert_int_eq(upgrade_state_read(&after, buffer_str(&text), &why), 0);
    ck_assert_uint_eq(after.last_number, 41);
    ck_assert_int_eq(after.started_ms, 12345);
    ck_assert_str_eq(after.pid_file, "/run/x.pid");
    ck_assert_str_eq(after.control.path, "/nowhere/control");
    ck_assert_str_eq(after.copies.folder, "/run/gale/copies-7");
    ck_assert_uint_eq(after.upgrades, 1);
    ck_assert(!after.has_new_board);
    ck_assert_uint_eq(after.listeners.count, 1);
    are_there(&after.crashes);
    const struct listen_address *address = after.listeners.addresses[0];
    ck_assert_str_eq(address->text, "127.0.0.1:8080");
    ck_assert(endpoint_equals(&address->endpoint, &before.listeners.addresses[0]->endpoint));
    ck_assert_uint_eq(address->count, 2);
    ck_assert_uint_eq(address->target, 1);
    ck_assert_int_eq(address->fds[1], before.listeners.addresses[0]->fds[1]);
    ck_assert_int_eq(shared_regions_find(&after.shared, "app", "count", 4096),
                     shared_regions_find(&before.shared, "app", "count", 4096));
    _exit(0); /* both hold the same descriptors */
}
END_TEST

/* ---- releases ---- */

static struct release *add_release(struct master *master, uint64_t number, const char *text)
{
    static const struct copied one = {.original = (char *)"/srv/shop.so",
                                      .digest = (char *)"0c9e",
                                      .root = (char *)"",
                                      .path = (char *)"/proc/self/fd/77"};
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, text, strlen(text));
    struct release *release = release_create(number, open_socket(), &digest);
    struct copied *copied = copies_restore_one(&master->copies, &one);
    copies_restore_fd(copied, open_socket());
    copies_restore_fd(copied, open_socket());
    release_add_code(release, "shop", copied);
    return release;
}

static void is_same_release(const struct release *is, const struct release *was)
{
    ck_assert_uint_eq(is->number, was->number);
    ck_assert_int_eq(is->text_fd, was->text_fd);
    ck_assert_str_eq(is->digest, was->digest);
    ck_assert_int_eq(is->live_ms, was->live_ms);
    ck_assert_uint_eq(is->source, was->source);
    ck_assert_uint_eq(is->crashes, was->crashes);
    ck_assert_mem_eq(is->crashed_ms, was->crashed_ms, sizeof(is->crashed_ms));
    ck_assert_uint_eq(is->code_count, 1);
    const struct copied *a = release_find_code(is, "shop"), *b = release_find_code(was, "shop");
    ck_assert_str_eq(a->original, b->original);
    ck_assert_str_eq(a->digest, b->digest);
    ck_assert_str_eq(a->root, b->root);
    ck_assert_str_eq(a->path, b->path);
    ck_assert_uint_eq(a->fd_count, 2);
    ck_assert_mem_eq(a->fds, b->fds, 2 * sizeof(int));
}

START_TEST(releases_are_the_same)
{
    struct master before, after;
    struct buffer text = {0};
    struct upgrade_fds fds = {0};
    char *why = NULL;
    fill(&before);
    struct rollback *was = &before.rollback, *is = &after.rollback;
    was->live = add_release(&before, 9, "a");
    was->previous = add_release(&before, 8, "b");
    was->refused = add_release(&before, 7, "c");
    was->live->live_ms = 555;
    was->live->source = 8;
    for (int i = 0; i < RELEASE_CRASHES + 3; i++)
        release_count_crash(was->live, i);
    release_count_crash(was->previous, 42);
    was->to_number = 6;
    was->refused_ms = 99;
    was->why = memory_copy("it failed", 9);
    upgrade_state_write(&before, &text, &fds);
    ck_assert_uint_eq(fds.count, 6 + 3 * 3);
    ck_assert_int_eq(upgrade_state_check(buffer_str(&text), adapters, &why), 0);

    init(&after);
    ck_assert_int_eq(upgrade_state_read(&after, buffer_str(&text), &why), 0);
    ck_assert_ptr_null(is->next);
    is_same_release(is->live, was->live);
    is_same_release(is->previous, was->previous);
    is_same_release(is->refused, was->refused);
    ck_assert_ptr_ne(release_find_code(is->live, "shop"), release_find_code(is->previous, "shop"));
    ck_assert_uint_eq(is->to_number, 6);
    ck_assert_int_eq(is->refused_ms, 99);
    ck_assert_str_eq(is->why, "it failed");
    _exit(0); /* both hold the same descriptors */
}
END_TEST

/* ---- servers ---- */

static void make_plan(struct server_plan *plan)
{
    static const char *const argv[] = {"sh", "-c", "printf begun; exec sleep 1000", "", NULL};
    static const char *const envp[] = {"A=1", "B=two words\nand a line", NULL};
    *plan = (struct server_plan){.app = "shop", .files = UINT64_MAX >> 1, .group_count = 2};
    arena_init(&plan->arena, NULL, 0);
    plan->servers = (struct app_servers){.program = "/bin/sh",
                                         .argv = argv,
                                         .envp = envp,
                                         .folder = "/",
                                         .processes = 2,
                                         .grace_ms = 60000};
    plan->identity = (struct identity){.uid = getuid(), .gid = getgid()};
    plan->groups[0] = 4;
    plan->groups[1] = UINT32_MAX;
}

static struct server_set *start_servers(struct master *master)
{
    struct server_plan plan;
    make_plan(&plan);
    struct server_set *set = servers_resume(&master->servers, &plan);
    ck_assert_int_eq(server_set_start(set), 0);
    for (int turns = 0; !set->processes[0].output.last[0]; turns++) {
        ck_assert_int_lt(turns, 3000);
        ioloop_turn(master->loop, 5);
    }
    return set;
}

static void is_same_process(const struct server_process *is, const struct server_process *was)
{
    ck_assert_int_eq(is->state, SERVER_RUNNING);
    ck_assert_int_eq(is->child.pid, was->child.pid);
    ck_assert_int_eq(is->child.pidfd, was->child.pidfd);
    ck_assert_int_eq(is->output.fd, was->output.fd);
    ck_assert_int_eq(is->started_ms, was->started_ms);
    ck_assert_uint_eq(is->restarts, was->restarts);
    ck_assert_int_eq(is->backoff.delay_ms, was->backoff.delay_ms);
}

START_TEST(servers_are_the_same)
{
    struct master before, after;
    struct buffer text = {0};
    struct upgrade_fds fds = {0};
    char *why = NULL;
    fill(&before);
    struct server_set *was = start_servers(&before);
    was->processes[1].restarts = 5;
    was->processes[1].backoff.delay_ms = 800;
    upgrade_state_write(&before, &text, &fds);
    ck_assert_uint_eq(fds.count, 6 + 2 + 2 * 2);
    ck_assert_int_eq(upgrade_state_check(buffer_str(&text), adapters, &why), 0);

    init(&after);
    ck_assert_int_eq(upgrade_state_read(&after, buffer_str(&text), &why), 0);
    struct server_set *is = container_of(after.servers.sets.next, struct server_set, link);
    ck_assert(server_plan_equals(&is->plan, &was->plan));
    ck_assert_int_eq(is->socket.listen_fd, was->socket.listen_fd);
    ck_assert_int_eq(is->socket.path_fd, was->socket.path_fd);
    ck_assert_uint_eq(is->running, 2);
    ck_assert(!is->is_down && !is->is_ending);
    for (int i = 0; i < 2; i++)
        is_same_process(&is->processes[i], &was->processes[i]);
    ck_assert_str_eq(is->processes[0].output.last, "begun");
    /* It knows of their ends, as their parent. */
    server_set_end(is, 60000);
    for (int turns = 0; is->running; turns++) {
        ck_assert_int_lt(turns, 3000);
        ioloop_turn(after.loop, 5);
    }
    _exit(0); /* both hold the same descriptors */
}
END_TEST

/* Two processes, an argument, no variable. */
#define SET "format 1 1 0:\nserver_set 12 2 0 0 0 0 0 -1 -1 0 0 1 0 1:a\n"

START_TEST(what_it_does_not_understand_is_refused)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"format 1 2 0:\n", "another kind of account"},
        {"nonsense", "cannot be read"},
        {"format 1 1 0:\nregion 2 10 5 3:app\n", "cannot be read"},
        {"format 1 1 0:\nsocket 1 5 0:\n", "cannot be read"},
        {"format 1 1 0:\ncopied 0 3:abc\n", "cannot be read"},
        {"format 1 1 0:\nrelease 6 0 0 0 0 0 -1 1:a\n", "cannot be read"},
        {"format 1 1 0:\ncrash 2 100 5 0:\n", "cannot be read"},
        {"format 1 1 0:\nserver_text 1 0 1:x\n", "cannot be read"},
        {"format 1 1 0:\nserver_group 1 0 0:\n", "cannot be read"},
        {"format 1 1 0:\nserver 2 0 1 0:\n", "cannot be read"},
        {SET "server 2 2 1 0:\n", "cannot be read"},
        {SET "server 2 0 9 0:\n", "cannot be read"},
        {SET "server_text 1 2 1:a\nserver_text 1 2 1:b\n", "cannot be read"},
        {SET "server_text 1 3 1:a\n", "cannot be read"},
        {"format 1 1 0:\nserver_set 1 0 1:a\n", "cannot be read"},
        {"format 1 1 0:\ngeneration 0 0:\nconfig 0 9:[servers]\n\n", "servers"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *why = NULL;
        ck_assert_int_lt(upgrade_state_check(str_of(rows[i].text), adapters, &why), 0);
        ck_assert_msg(strstr(why, rows[i].says) != NULL, "%zu: %s", i, why);
        free(why);
    }
}
END_TEST

START_TEST(what_is_new_is_passed_over)
{
    char *why = NULL;
    ck_assert_int_eq(
        upgrade_state_check(STR("format 1 1 0:\nnovelty 3 1 2 3 4:text\n"), adapters, &why), 0);
}
END_TEST

UNIT_MAIN(another_master_is_the_same, releases_are_the_same, servers_are_the_same,
          what_it_does_not_understand_is_refused, what_is_new_is_passed_over)
