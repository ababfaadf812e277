/* What workers know of clients together, and what is left of those that die. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/board.h"
#include "base/clients.h"

enum { CLIENT = 0x0a000001, OTHER = 0x0a000002 };

static struct board *board;
static int board_fd = -1;
static struct clients *mine;

/* This process is the worker of one slot. */
static void begin(void)
{
    ck_assert_int_eq(board_create(&board, &board_fd), 0);
    int slot = board_claim(board);
    board_slot(board, (unsigned)slot)->state = BOARD_SERVING;
    ck_assert_int_eq(clients_open(board_fd, (unsigned)slot, &mine), 0);
}

static void finish(void)
{
    clients_close(mine);
    board_detach(board);
    close(board_fd);
}

/* Another worker, which has `count` connections of CLIENT, in a slot of its own. It lives until it
 * is killed. */
static pid_t holder(int slot, int count)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (!pid) {
        struct clients *clients;
        if (clients_open(board_fd, (unsigned)slot, &clients) < 0)
            _exit(1);
        board_slot(board, (unsigned)slot)->state = BOARD_SERVING;
        for (int i = 0; i < count; i++)
            if (clients_hold(clients, CLIENT, UINT64_MAX) < 0)
                _exit(1);
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void kill_holder(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(alone_a_process_counts_for_itself)
{
    struct clients *clients;
    ck_assert_int_eq(clients_open(-1, 0, &clients), 0);
    int first = clients_hold(clients, CLIENT, 2);
    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(clients_hold(clients, CLIENT, 2), first);
    ck_assert_int_eq(clients_hold(clients, CLIENT, 2), -EAGAIN);
    ck_assert_int_ge(clients_hold(clients, OTHER, 1), 0);
    clients_release(clients, first);
    ck_assert_int_eq(clients_hold(clients, CLIENT, 2), first);
    clients_close(clients);
}
END_TEST

START_TEST(all_workers_count_and_the_dead_give_back)
{
    begin();
    int slot = board_claim(board);
    pid_t pid = holder(slot, 3);
    ck_assert_int_ge(clients_hold(mine, CLIENT, 4), 0);
    ck_assert_int_eq(clients_hold(mine, CLIENT, 4), -EAGAIN);
    ck_assert_int_ge(clients_hold(mine, OTHER, 1), 0);
    kill_holder(pid);
    ck_assert_int_eq(clients_hold(mine, CLIENT, 4), -EAGAIN); /* not reaped yet */
    board_retire(board, (unsigned)slot);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(clients_hold(mine, CLIENT, 4), 0);
    ck_assert_int_eq(clients_hold(mine, CLIENT, 4), -EAGAIN);
    finish();
}
END_TEST

START_TEST(a_slot_begins_anew)
{
    begin();
    int slot = board_claim(board);
    kill_holder(holder(slot, 3));
    board_retire(board, (unsigned)slot);
    ck_assert_int_eq(board_claim(board), slot); /* nobody serves in it yet */
    ck_assert_int_ge(clients_hold(mine, CLIENT, 1), 0);
    pid_t pid = holder(slot, 1);
    ck_assert_int_ge(clients_hold(mine, CLIENT, 3), 0);
    ck_assert_int_eq(clients_hold(mine, CLIENT, 3), -EAGAIN);
    kill_holder(pid);
    finish();
}
END_TEST

START_TEST(a_pace_is_everybodys)
{
    begin();
    const struct rate_limit limit = {1000, 3000, 0}, scoped = {1000, 3000, 99};
    pid_t pid = fork();
    if (!pid) {
        struct clients *clients;
        if (clients_open(board_fd, 9, &clients) < 0)
            _exit(1);
        _exit(clients_take(clients, CLIENT, &limit, 5000) == 0 ? 0 : 2);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(clients_take(mine, CLIENT, &limit, 5000), 0);
    ck_assert_int_eq(clients_take(mine, CLIENT, &limit, 5000), 1000);
    ck_assert_int_eq(clients_take(mine, CLIENT, &scoped, 5000), 0);
    ck_assert_int_eq(clients_take(mine, OTHER, &limit, 5000), 0);
    finish();
}
END_TEST

/* As many clients as the memory is made for find their place, whatever their addresses are like. */
START_TEST(clients_do_not_crowd)
{
    struct clients *clients;
    const struct rate_limit limit = {1000, 1000, 0};
    static const int shifts[] = {0, 8, 24, 40};
    for (int s = 0; s < 4; s++) {
        ck_assert_int_eq(clients_open(-1, 0, &clients), 0);
        int lost = 0;
        for (uint64_t i = 0; i < 10000; i++) {
            lost += clients_hold(clients, i << shifts[s], 1) < 0;
            lost += clients_take(clients, i << shifts[s], &limit, 5000) != 0;
        }
        ck_assert_int_le(lost, 20); /* a few in a million are expected */
        clients_close(clients);
    }
}
END_TEST

START_TEST(notes_come_now_and_then)
{
    struct clients *clients;
    ck_assert_int_eq(clients_open(-1, 0, &clients), 0);
    ck_assert_uint_eq(clients_note(clients, 0, 1000, 100), 1);
    ck_assert_uint_eq(clients_note(clients, 0, 1050, 100), 0);
    ck_assert_uint_eq(clients_note(clients, 0, 1099, 100), 0);
    ck_assert_uint_eq(clients_note(clients, 1, 1099, 100), 1);
    ck_assert_uint_eq(clients_note(clients, 0, 1100, 100), 3);
    clients_close(clients);
}
END_TEST

UNIT_MAIN(alone_a_process_counts_for_itself, all_workers_count_and_the_dead_give_back,
          a_slot_begins_anew, a_pace_is_everybodys, clients_do_not_crowd, notes_come_now_and_then)
