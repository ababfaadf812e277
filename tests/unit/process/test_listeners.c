/* test_listeners.c - prepared, committed, cancelled; shared, inherited, steered away, closed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/setting.h"
#include "base/str.h"
#include "net/port_group.h"
#include "process/listeners.h"
#include "unit.h"

static struct setting_list list_of(const char **items)
{
    size_t len = 0;
    while (items[len])
        len++;
    return (struct setting_list){items, len};
}

static int prepare(struct listeners *listeners, unsigned workers, const char **items,
                   char **out_error)
{
    struct setting_list list = list_of(items);
    return listeners_prepare(listeners, &list, workers, 64, out_error);
}

static void change(struct listeners *listeners, unsigned workers, const char **items)
{
    char *error = NULL;
    ck_assert_msg(prepare(listeners, workers, items, &error) == 0, "%s", error);
    ck_assert_msg(listeners_commit(listeners, 64, &error) == 0, "%s", error);
}

static int connect_to(const struct endpoint *endpoint)
{
    int fd = socket(endpoint->addr.any.sa_family, SOCK_STREAM, 0);
    int r = connect(fd, &endpoint->addr.any, endpoint->len) < 0 ? -errno : fd;
    if (r < 0)
        close(fd);
    return r;
}

static void check_refused(const struct endpoint *endpoint)
{
    ck_assert_int_eq(connect_to(endpoint), -ECONNREFUSED);
}

struct seen {
    int count, shared, places;
};

static void note(void *data, int fd, int place)
{
    struct seen *seen = data;
    ck_assert_int_ge(fd, 0);
    seen->count++;
    seen->shared += place == LISTENER_SHARED;
    seen->places |= place >= 0 ? 1 << place : 0;
}

static struct seen look(const struct listeners *listeners, bool prepared)
{
    struct seen seen = {0};
    listeners_each(listeners, prepared, note, &seen);
    return seen;
}

START_TEST(bound_first_listening_later)
{
    struct listeners listeners;
    const char *items[] = {"127.0.0.1:0", NULL};
    char *error = NULL;
    listeners_init(&listeners);
    ck_assert_int_eq(prepare(&listeners, 3, items, &error), 0);
    const struct endpoint endpoint = listeners.addresses[0]->endpoint;
    ck_assert_int_eq(look(&listeners, true).places, 7);
    ck_assert_int_eq(look(&listeners, false).count, 0);
    check_refused(&endpoint);
    ck_assert_int_eq(listeners_commit(&listeners, 64, &error), 0);
    ck_assert_int_eq(look(&listeners, false).places, 7);
    int client = connect_to(&endpoint);
    ck_assert_int_ge(client, 0);
    close(client);
    listeners_finish(&listeners);
    check_refused(&endpoint);
}
END_TEST

START_TEST(cancel_leaves_everything_as_it_was)
{
    struct listeners listeners;
    char path[64], unix_text[80];
    char *error = NULL;
    snprintf(path, sizeof(path), "%s/sock", unit_folder);
    snprintf(unix_text, sizeof(unix_text), "unix:%s", path);
    const char *before[] = {"127.0.0.1:0", NULL};
    const char *after[] = {"127.0.0.1:0", unix_text, "127.0.0.2:0", NULL};
    const char *bad[] = {unix_text, "203.0.113.77:1", NULL};
    listeners_init(&listeners);
    change(&listeners, 2, before);
    const struct endpoint endpoint = listeners.addresses[0]->endpoint;

    ck_assert_int_eq(prepare(&listeners, 4, after, &error), 0);
    ck_assert_int_eq(look(&listeners, true).count, 9);
    ck_assert_int_eq(look(&listeners, false).places, 3);
    ck_assert(!listeners_will_close(&listeners));
    listeners_cancel(&listeners);
    ck_assert_int_eq(look(&listeners, false).places, 3);
    ck_assert_int_eq(look(&listeners, true).places, 3);
    ck_assert_uint_eq(listeners.count, 1);
    ck_assert_int_eq(access(path, F_OK), -1);

    /* what fails half-way cancels itself */
    ck_assert_int_lt(prepare(&listeners, 4, bad, &error), 0);
    ck_assert_ptr_nonnull(strstr(error, "no such address"));
    free(error);
    ck_assert_uint_eq(listeners.count, 1);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(listeners.addresses[0]->count, 2);
    int client = connect_to(&endpoint);
    ck_assert_int_ge(client, 0);
    close(client);
    listeners_finish(&listeners);
}
END_TEST

START_TEST(addresses_come_and_go)
{
    struct listeners listeners;
    char path[64], unix_text[80];
    struct stat info;
    char *error = NULL;
    snprintf(path, sizeof(path), "%s/sock", unit_folder);
    snprintf(unix_text, sizeof(unix_text), "unix:%s", path);
    const char *before[] = {"127.0.0.1:0", unix_text, NULL};
    const char *after[] = {"127.0.0.2:0", NULL};
    listeners_init(&listeners);
    change(&listeners, 2, before);
    const struct endpoint endpoint = listeners.addresses[0]->endpoint;
    ck_assert_int_eq(look(&listeners, false).count, 3);
    ck_assert_int_eq(look(&listeners, false).shared, 1);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(prepare(&listeners, 2, after, &error), 0);
    ck_assert(listeners_will_close(&listeners));
    ck_assert_int_eq(listeners_commit(&listeners, 64, &error), 0);
    ck_assert_int_eq(access(path, F_OK), -1);
    check_refused(&endpoint);
    ck_assert_uint_eq(listeners.count, 1);

    /* a path that somebody else has made since is theirs */
    change(&listeners, 2, before);
    unlink(path);
    fclose(fopen(path, "w"));
    listeners_finish(&listeners);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

START_TEST(places_that_are_too_many_leave)
{
    enum { CLIENTS = 100 };
    struct listeners listeners;
    const char *items[] = {"127.0.0.1:0", NULL};
    int clients[CLIENTS], waiting;
    listeners_init(&listeners);
    change(&listeners, 4, items);
    const struct listen_address *address = listeners.addresses[0];
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_ge(clients[i] = connect_to(&address->endpoint), 0);
    change(&listeners, 2, items);
    ck_assert(listeners_is_leaving(&listeners));
    ck_assert_int_eq(look(&listeners, false).places, 15); /* workers empty all four */
    int64_t now = clock_mono_ms();
    ck_assert_int_eq(listeners_settle(&listeners, now), -1);        /* too early */
    ck_assert_int_eq(listeners_settle(&listeners, now + 5000), -1); /* somebody waits */
    for (int place = 2; place < 4; place++)
        while ((waiting = accept(address->fds[place], NULL, NULL)) >= 0)
            close(waiting);
    ck_assert_int_eq(listeners_settle(&listeners, now + 5000), 2);
    ck_assert(listeners_is_leaving(&listeners));
    ck_assert_uint_eq(address->count, 4);
    ck_assert_int_eq(listeners_settle(&listeners, now + 5250), -1);
    ck_assert(!listeners_is_leaving(&listeners));
    ck_assert_uint_eq(address->count, 2);
    ck_assert_int_eq(look(&listeners, false).places, 3);
    ck_assert_int_eq(listeners_settle(&listeners, now + 9000), -1);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    listeners_finish(&listeners);
}
END_TEST

START_TEST(leaving_ones_may_be_wanted_again)
{
    struct listeners listeners;
    const char *items[] = {"127.0.0.1:0", NULL};
    listeners_init(&listeners);
    change(&listeners, 4, items);
    int last = listeners.addresses[0]->fds[3];
    change(&listeners, 1, items);
    ck_assert(listeners_is_leaving(&listeners));
    change(&listeners, 4, items);
    ck_assert(!listeners_is_leaving(&listeners));
    ck_assert_int_eq(listeners.addresses[0]->fds[3], last);
    int clients[100], queued = 0;
    for (int i = 0; i < 100; i++)
        ck_assert_int_ge(clients[i] = connect_to(&listeners.addresses[0]->endpoint), 0);
    for (int i = 0; i < 4; i++)
        queued += port_group_queued(listeners.addresses[0]->fds[i]) > 0;
    ck_assert_int_eq(queued, 4); /* steering has ended */
    for (int i = 0; i < 100; i++)
        close(clients[i]);
    listeners_finish(&listeners);
}
END_TEST

START_TEST(others_are_named)
{
    struct listeners listeners, other;
    const char *any[] = {"127.0.0.1:0", NULL};
    char text[ENDPOINT_TEXT];
    char *error = NULL;
    listeners_init(&listeners);
    listeners_init(&other);
    change(&other, 2, any);
    endpoint_print(&other.addresses[0]->endpoint, text);
    const char *taken[] = {text, NULL}, *twice[] = {"127.0.0.3:0", "127.0.0.3:0", NULL};
    /* the other is this very process, so it is told that it overlaps itself */
    ck_assert_int_eq(prepare(&listeners, 2, taken, &error), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, "overlaps"));
    free(error);
    error = NULL;
    /* somebody who came between prepare and commit */
    listeners_finish(&other);
    ck_assert_int_eq(prepare(&listeners, 2, taken, &error), 0);
    change(&other, 2, taken);
    ck_assert_int_eq(listeners_commit(&listeners, 64, &error), -EADDRINUSE);
    free(error);
    listeners_cancel(&listeners);
    ck_assert_uint_eq(listeners.count, 0);
    listeners_finish(&other);
    error = NULL;
    ck_assert_int_eq(prepare(&listeners, 1, twice, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "given twice"));
    free(error);
    listeners_finish(&listeners);
}
END_TEST

/* In a process of its own: descriptor 3 is somebody's. */
static int inherit(void)
{
    struct listeners listeners;
    struct endpoint endpoint;
    char text[ENDPOINT_TEXT], pid[16], *error = NULL;
    endpoint_parse(STR("127.0.0.1:0"), &endpoint);
    int fd = port_group_bind(&endpoint);
    const char *items[] = {endpoint_print(&endpoint, text), NULL};
    if (port_group_listen(fd, 8) < 0 || dup2(fd, 3) != 3)
        return 1;
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("LISTEN_PID", "1", 1); /* for somebody else */
    setenv("LISTEN_FDS", "1", 1);
    listeners_init(&listeners);
    if (listeners.inherited_count || getenv("LISTEN_FDS"))
        return 2;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    listeners_init(&listeners);
    if (listeners.inherited_count != 1 || getenv("LISTEN_PID"))
        return 3;
    if (prepare(&listeners, 4, items, &error) < 0 || listeners_commit(&listeners, 8, &error) < 0)
        return 4;
    const struct listen_address *address = listeners.addresses[0];
    if (!address->is_shared || address->count != 1 || address->fds[0] != 3)
        return 5;
    if (fcntl(3, F_GETFD) != FD_CLOEXEC || !(fcntl(3, F_GETFL) & O_NONBLOCK))
        return 6;
    listeners_finish(&listeners);
    return 0;
}

START_TEST(inherited_sockets_are_found_by_their_address)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(inherit());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

UNIT_MAIN(bound_first_listening_later, cancel_leaves_everything_as_it_was, addresses_come_and_go,
          places_that_are_too_many_leave, leaving_ones_may_be_wanted_again, others_are_named,
          inherited_sockets_are_found_by_their_address)
