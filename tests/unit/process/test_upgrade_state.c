/* test_upgrade_state.c - what one master writes another reads (upgrade_write.c, upgrade_read.c). */
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
    ck_assert_int_eq(ioloop_create(NULL, &master->loop), 0);
}

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
    copies_restore(&master->copies, "/run/gale/copies-7", open_socket());
    control_restore(master, "/nowhere/control", 5, open_socket());
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

START_TEST(what_it_does_not_understand_is_refused)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"format 1 2 0:\n", "another kind of account"},
        {"nonsense", "cannot be read"},
        {"format 1 1 0:\nregion 2 10 5 3:app\n", "cannot be read"},
        {"format 1 1 0:\nsocket 1 5 0:\n", "cannot be read"},
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

UNIT_MAIN(another_master_is_the_same, what_it_does_not_understand_is_refused,
          what_is_new_is_passed_over)
