/* fcgi_dispatch.c and fcgi_server.c: the protocol by the book, and records that never should be. */
#include "fcgi_front_fixture.h"

START_TEST(management_is_answered_at_any_time)
{
    struct buffer asked = {0};
    open_server();
    pair(&asked, "FCGI_MPXS_CONNS", "");
    pair(&asked, "FCGI_MAX_CONNS", "");
    pair(&asked, "FCGI_NO_SUCH_THING", "");
    http.tcp.max_connections = 77;
    record(FCGI_GET_VALUES, 0, asked.at, asked.len);
    say();
    ck_assert_str_eq(hear(), "VALUES 0 36;");
    record(200, 0, "whatever", 8);
    begin(1, FCGI_RESPONDER, true);
    record(FCGI_GET_VALUES, 0, asked.at, asked.len);
    params(1, GET "/");
    record(FCGI_STDIN, 1, "", 0);
    say();
    ck_assert_str_eq(hear(), "UNKNOWN 0 -56;VALUES 0 36;EOF 1 0;END 1 0;");
    buffer_finish(&asked);
    close_server();
}
END_TEST

START_TEST(a_second_request_at_once_is_refused)
{
    open_server();
    begin(1, FCGI_RESPONDER, true);
    request(2, true, GET "/second");
    params(1, GET "/first");
    record(FCGI_STDIN, 1, "", 0);
    say();
    ck_assert_str_eq(hear(), "END 2 1;EOF 1 0;END 1 0;");
    ck_assert_ptr_nonnull(strstr(body(), "GET /first"));
    request(3, true, GET "/wait"); /* and while one is served that reads nothing */
    say();
    ck_assert_str_eq(hear(), "");
    request(4, true, GET "/fourth");
    say();
    ck_assert_str_eq(hear(), "END 4 1;");
    record(FCGI_ABORT_REQUEST, 3, "", 0);
    say();
    ck_assert_str_eq(hear(), "END 3 0;");
    ck_assert_int_eq(cancelled, 1);
    close_server();
}
END_TEST

START_TEST(unknown_roles_are_refused_and_authorizers_served)
{
    open_server();
    begin(1, FCGI_FILTER, true);
    params(1, GET "/");
    say();
    ck_assert_str_eq(hear(), "END 1 3;");
    begin(2, 99, true);
    say();
    ck_assert_str_eq(hear(), "END 2 3;");
    begin(3, FCGI_AUTHORIZER, true);
    params(3, GET "/auth;CONTENT_LENGTH=1000");
    say();
    ck_assert_str_eq(hear(), "EOF 3 0;END 3 0;");
    ck_assert_ptr_nonnull(strstr(body(), "GET /auth"));
    close_server();
}
END_TEST

START_TEST(an_abort_cancels_and_a_leaving_web_server_does)
{
    open_server();
    begin(1, FCGI_RESPONDER, true);
    params(1, GET "/wait");
    say();
    ck_assert_str_eq(hear(), "");
    record(FCGI_ABORT_REQUEST, 1, "", 0);
    say();
    ck_assert_str_eq(hear(), "END 1 0;");
    ck_assert_int_eq(cancelled, 1);
    ck_assert(!heard_end);
    begin(2, FCGI_RESPONDER, true); /* before the parameters are whole */
    record(FCGI_ABORT_REQUEST, 2, "", 0);
    request(3, true, GET "/wait");
    say();
    ck_assert_str_eq(hear(), "END 2 0;");
    shutdown(client, SHUT_RDWR);
    for (int i = 0; i < 400 && cancelled < 2; i++)
        turn(1);
    ck_assert_int_eq(cancelled, 2);
    close_server();
}
END_TEST

START_TEST(what_is_no_fastcgi_ends_the_connection)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 26},
        {"\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16}, /* another version */
        {"\1\1\0\1\0\4\0\0\0\1\0\0", 12},          /* BEGIN too short */
        {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
         "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0",
         32}, /* the same id twice */
        {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
         "\1\5\0\1\0\1\0\0x",
         25}, /* STDIN before PARAMS end */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_server();
        say_bytes(rows[i].bytes, rows[i].len);
        ck_assert_str_eq(hear(), "");
        ck_assert_msg(heard_end, "row %zu goes on", i);
        close_server();
    }
}
END_TEST

START_TEST(large_variables_are_answered)
{
    static char large[60000];
    open_server();
    memset(large, 'l', sizeof(large) - 1);
    struct buffer pairs = {0};
    pair(&pairs, "HTTP_X", large);
    begin(1, FCGI_RESPONDER, true);
    for (int i = 0; i < 3; i++)
        record(FCGI_PARAMS, 1, pairs.at, pairs.len);
    record(FCGI_PARAMS, 1, "", 0);
    record(FCGI_STDIN, 1, "", 0);
    say();
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert_ptr_nonnull(strstr(heard.at, "Status: 431 "));
    buffer_finish(&pairs);
    close_server();
}
END_TEST

START_TEST(without_tasks_it_is_overloaded)
{
    open_server();
    task_set_max(0);
    request(5, true, GET "/");
    say();
    ck_assert_str_eq(hear(), "END 5 2;");
    ck_assert(heard_end);
    task_set_max(1000);
    close_server();
}
END_TEST

START_TEST(only_trusted_peers_are_heard)
{
    static const struct {
        const char *address;
        bool is_trusted;
    } rows[] = {{"10.1.2.3", true}, {"192.0.2.1", false}};
    struct forwarded_network network;
    struct forwarded_trust trust = {&network, 1};
    ck_assert_int_eq(forwarded_network_parse(STR("10.0.0.0/8"), &network), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int pair_of[2];
        struct peer peer = {.v4 = {.sin_family = AF_INET}};
        inet_pton(AF_INET, rows[i].address, &peer.v4.sin_addr);
        open_server();
        http.trust = &trust;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair_of), 0);
        fcgi_server_accept(&server, pair_of[0], &peer);
        ck_assert_uint_eq(server.connection_count, rows[i].is_trusted ? 2 : 1);
        close(pair_of[1]);
        close_server();
    }
}
END_TEST

START_TEST(a_draining_server_lets_idle_ones_go)
{
    open_server();
    settings.idle_timeout_ms = 20;
    http_server_drain(&http);
    fcgi_server_drain(&server);
    for (int i = 0; i < 400 && !fcgi_server_is_empty(&server); i++)
        turn(1);
    ck_assert(fcgi_server_is_empty(&server));
    close_server();
}
END_TEST

UNIT_MAIN(management_is_answered_at_any_time, a_second_request_at_once_is_refused,
          unknown_roles_are_refused_and_authorizers_served,
          an_abort_cancels_and_a_leaving_web_server_does, what_is_no_fastcgi_ends_the_connection,
          large_variables_are_answered, without_tasks_it_is_overloaded,
          only_trusted_peers_are_heard, a_draining_server_lets_idle_ones_go)
