/* test_worker_arguments.c - what the master writes a worker reads, and nothing else. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "process/listeners.h"
#include "process/worker_arguments.h"
#include "unit.h"

static int count(char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return argc;
}

static void note(void *data, int fd)
{
    int *sum = data;
    *sum += fd;
}

START_TEST(goes_there_and_back)
{
    struct arena arena;
    struct worker_socket sockets[] = {{10, 0}, {11, 1}, {12, LISTENER_SHARED}};
    struct worker_server servers[] = {{0, 13}, {7, 14}};
    struct worker_link links[] = {{15, "shop"}, {16, "a:b"}};
    const struct worker_arguments sent = {.place = 3,
                                          .slot = 200,
                                          .generation = UINT64_MAX,
                                          .channel = 7,
                                          .config = 8,
                                          .board = 9,
                                          .error_log = 2,
                                          .access_log = -1,
                                          .path = "/a b/c=d.ini",
                                          .base = "/a=b c",
                                          .sockets = sockets,
                                          .socket_count = 3,
                                          .servers = servers,
                                          .server_count = 2,
                                          .group = "own",
                                          .links = links,
                                          .link_count = 2};
    struct worker_arguments got;
    arena_init(&arena, NULL, 0);
    char **argv = worker_arguments_print(&sent, &arena);
    ck_assert_str_eq(argv[1], "worker");
    ck_assert_int_eq(worker_arguments_parse(count(argv), argv, &arena, &got), 0);
    ck_assert_uint_eq(got.place, 3);
    ck_assert_uint_eq(got.slot, 200);
    ck_assert_uint_eq(got.generation, UINT64_MAX);
    ck_assert_int_eq(got.channel, 7);
    ck_assert_int_eq(got.error_log, 2);
    ck_assert_int_eq(got.access_log, -1);
    ck_assert_str_eq(got.path, sent.path);
    ck_assert_str_eq(got.base, sent.base);
    ck_assert_uint_eq(got.socket_count, 3);
    ck_assert_mem_eq(got.sockets, sockets, sizeof(sockets));
    ck_assert_uint_eq(got.server_count, 2);
    ck_assert_mem_eq(got.servers, servers, sizeof(servers));
    int sum = 0;
    worker_arguments_each_fd(&got, note, &sum);
    ck_assert_int_eq(sum, 7 + 8 + 9 + 10 + 11 + 12 + 13 + 14 + 15 + 16);
    ck_assert_str_eq(got.group, "own");
    ck_assert_uint_eq(got.link_count, 2);
    ck_assert_int_eq(got.links[1].door, 16);
    ck_assert_str_eq(got.links[1].app, "a:b");
    arena_finish(&arena);
}
END_TEST

START_TEST(refuses_what_no_master_writes)
{
    static const char *const cases[] = {
        "place=",
        "place=x",
        "place=1x",
        "place=-2",
        "place=99999999999",
        "nonsense",
        "unknown=1",
        "socket=1",
        "socket=1:",
        "socket=:1",
        "socket=a:1",
        "socket=1:1:1",
        "generation=-1",
        "link=1",
        "link=:a",
        "",
        "=",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena arena;
        struct worker_arguments got;
        char *argv[] = {"gale",   "worker", "channel=3",      "config=4", "board=5",
                        "base=/", "path=x", (char *)cases[i], NULL};
        arena_init(&arena, NULL, 0);
        ck_assert_int_eq(worker_arguments_parse(7, argv, &arena, &got), 0);
        ck_assert_msg(worker_arguments_parse(8, argv, &arena, &got) == -EINVAL, "%s", cases[i]);
        ck_assert_int_eq(worker_arguments_parse(6, argv, &arena, &got), -EINVAL);
        ck_assert_int_eq(worker_arguments_parse(2, argv, &arena, &got), -EINVAL);
        arena_finish(&arena);
    }
}
END_TEST

UNIT_MAIN(goes_there_and_back, refuses_what_no_master_writes)
