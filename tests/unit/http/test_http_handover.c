/* test_http_handover.c - a connection that changes its server between two requests. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <gale/plugin.h>

#include "base/log.h"
#include "base/macros.h"
#include "http/client_limits.h"
#include "http/http1.h"
#include "http/http_handover.h"
#include "http/http_server.h"
#include "loop/task.h"

enum { CLIENTS = 3 };

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server old, fresh;
static int clients[CLIENTS];
static bool is_held; /* requests of a longer path wait */
static const struct endpoint place = {.len = sizeof(sa_family_t), .addr.any.sa_family = AF_UNIX};

static int app(void *data, struct gale_request *req, struct gale_response *res)
{
    while (is_held && gale_request_path(req).len > 1)
        (void)task_sleep(1);
    return gale_reply(res, 200, "text/plain", "%s", (const char *)data);
}

static void turn(int times)
{
    for (int i = 0; i < times; i++)
        ioloop_turn(loop, 2);
}

static void set_up(void)
{
    log_set_fd(-1);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    http_settings_init(&settings);
    http_server_init(&old, loop, &settings, app, (void *)"old");
    http_server_init(&fresh, loop, &settings, app, (void *)"fresh");
    for (int i = 0; i < CLIENTS; i++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                         0);
        http_server_accept(&old, pair[0], &(struct peer){.family = AF_UNIX}, &place);
        clients[i] = pair[1];
    }
}

static void tear_down(void)
{
    (void)http_server_close(&old);
    (void)http_server_close(&fresh);
    turn(50);
    ck_assert(http_server_is_empty(&old));
    ck_assert(http_server_is_empty(&fresh));
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    ioloop_destroy(loop);
}

static void say(int client, const char *text)
{
    ck_assert_int_eq(send(client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What the client has got; "" for nothing yet, "(end)" for the end. */
static const char *hear(int client)
{
    static char text[4096];
    for (int i = 0; i < 40; i++) {
        turn(1);
        ssize_t n = recv(client, text, sizeof(text) - 1, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return "(end)";
        if (n > 0) {
            text[n] = 0;
            return text;
        }
    }
    return "";
}

static bool is_answer_of(const char *text, const char *name)
{
    const char *body = strstr(text, "\r\n\r\n");
    return body && strcmp(body + 4, name) == 0;
}

static bool is_last(const char *text)
{
    return strstr(text, "Connection: close") != NULL;
}

/* Moves what can be moved; `taken` says of how many the successor is to take. */
static size_t move(size_t taken)
{
    struct http1_connection *packed[CLIENTS + 1];
    size_t count = http_server_pack(&old, packed, CLIENTS);
    for (size_t i = 0; i < count; i++) {
        struct http_parcel parcel;
        int fd = http_parcel_of(packed[i], &parcel);
        if (i >= taken) {
            http_server_take_back(packed[i], true);
            continue;
        }
        int theirs = dup(fd);
        http_server_let_go(packed[i]);
        http_server_adopt(&fresh, theirs, &parcel);
    }
    return count;
}

static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
static const char slow_request[] = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";

START_TEST(goes_on_elsewhere)
{
    set_up();
    say(clients[0], request);
    ck_assert(is_answer_of(hear(clients[0]), "old"));
    ck_assert_uint_eq(move(CLIENTS), CLIENTS);
    ck_assert(http_server_is_empty(&old));
    for (int i = 0; i < CLIENTS; i++) {
        say(clients[i], request);
        const char *answer = hear(clients[i]);
        ck_assert(is_answer_of(answer, "fresh"));
        ck_assert(!is_last(answer));
    }
    ck_assert_uint_eq(fresh.connection_count, CLIENTS);
    tear_down();
}
END_TEST

/* Bytes that come while it is nobody's are there for its successor. */
START_TEST(bytes_on_the_way_are_kept)
{
    set_up();
    for (int i = 0; i < CLIENTS; i++)
        say(clients[i], request);
    ck_assert_uint_eq(move(CLIENTS), CLIENTS); /* before the loop has seen them */
    for (int i = 0; i < CLIENTS; i++)
        ck_assert(is_answer_of(hear(clients[i]), "fresh"));
    tear_down();
}
END_TEST

START_TEST(the_busy_ones_stay_until_they_are_idle)
{
    set_up();
    is_held = true;
    say(clients[0], slow_request);
    say(clients[1], "GET / HT"); /* read into user space */
    turn(3);
    ck_assert_uint_eq(move(CLIENTS), 1);
    http_server_set_idle(&old, HTTP_IDLE_PASSES);
    http_server_drain(&old);
    say(clients[1], "TP/1.1\r\nHost: h\r\n\r\n");
    const char *answer = hear(clients[1]);
    ck_assert(is_answer_of(answer, "old"));
    ck_assert(!is_last(answer));
    is_held = false;
    ck_assert(is_answer_of(hear(clients[0]), "old"));
    ck_assert_uint_eq(move(CLIENTS), 2);
    say(clients[0], request);
    ck_assert(is_answer_of(hear(clients[0]), "fresh"));
    tear_down();
}
END_TEST

START_TEST(who_is_refused_stays_for_a_last_answer)
{
    set_up();
    http_server_set_idle(&old, HTTP_IDLE_STAYS);
    http_server_drain(&old);
    ck_assert_uint_eq(move(1), CLIENTS);
    ck_assert_uint_eq(move(CLIENTS), 0); /* and is not asked again */
    ck_assert_uint_eq(old.connection_count, CLIENTS - 1);
    say(clients[1], request);
    const char *answer = hear(clients[1]);
    ck_assert(is_answer_of(answer, "old"));
    ck_assert(is_last(answer));
    ck_assert_str_eq(hear(clients[1]), "(end)");
    tear_down();
}
END_TEST

START_TEST(idle_time_goes_on)
{
    set_up();
    struct http1_connection *packed[1];
    struct http_parcel parcel;
    ck_assert_uint_eq(http_server_pack(&old, packed, 1), 1);
    int fd = http_parcel_of(packed[0], &parcel);
    ck_assert_int_le(parcel.idle_until_ms, ioloop_now_ms(loop) + settings.idle_timeout_ms);
    parcel.idle_until_ms = ioloop_now_ms(loop) + 20;
    http_server_adopt(&fresh, dup(fd), &parcel);
    http_server_let_go(packed[0]);
    for (int i = 0; i < 2000 && fresh.connection_count; i++)
        turn(1);
    ck_assert(http_server_is_empty(&fresh));
    tear_down();
}
END_TEST

START_TEST(those_without_an_address_stay)
{
    int pair[2];
    set_up();
    ck_assert_uint_eq(move(CLIENTS), CLIENTS);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    http_server_accept(&old, pair[0], &(struct peer){.family = AF_UNIX}, NULL);
    ck_assert_uint_eq(move(CLIENTS), 0);
    close(pair[1]);
    tear_down();
}
END_TEST

/* One client has them all, and may have no more than that. */
START_TEST(a_clients_connections_count_once)
{
    const struct peer peer = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = 0x010200c0}};
    struct client_limits limits = {.connections = CLIENTS};
    struct http1_connection *packed[CLIENTS];
    set_up();
    ck_assert_int_eq(client_limits_open(&limits, -1, 0), 0);
    (void)http_server_close(&old);
    turn(5);
    http_server_init(&old, loop, &settings, app, (void *)"old");
    old.limits = fresh.limits = &limits;
    for (int i = 0; i < CLIENTS; i++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                         0);
        close(clients[i]);
        clients[i] = pair[1];
        http_server_accept(&old, pair[0], &peer, &place);
    }
    ck_assert_int_eq(client_limits_hold(&limits, &peer), -EAGAIN);
    ck_assert_uint_eq(http_server_pack(&old, packed, 1), 1); /* on its way it is nobody's */
    int held = client_limits_hold(&limits, &peer);
    ck_assert_int_gt(held, 0);
    client_limits_release(&limits, held);
    http_server_take_back(packed[0], false);
    ck_assert_int_eq(client_limits_hold(&limits, &peer), -EAGAIN);
    ck_assert_uint_eq(move(CLIENTS), CLIENTS);
    ck_assert_int_eq(client_limits_hold(&limits, &peer), -EAGAIN);
    (void)http_server_close(&fresh);
    turn(5);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_gt(client_limits_hold(&limits, &peer), 0);
    tear_down();
    client_limits_close(&limits);
}
END_TEST

UNIT_MAIN(a_clients_connections_count_once, goes_on_elsewhere, bytes_on_the_way_are_kept,
          the_busy_ones_stay_until_they_are_idle, who_is_refused_stays_for_a_last_answer,
          idle_time_goes_on, those_without_an_address_stay)
