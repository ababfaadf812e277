/* fcgi_front.c and fcgi_connection.c over a real socket pair: requests as web servers send them. */
#include "fcgi_front_fixture.h"

START_TEST(a_request_is_answered_and_the_connection_kept)
{
    open_server();
    for (int i = 1; i < 4; i++) {
        request(i, true,
                GET "/a%20b?x=1;REMOTE_ADDR=192.0.2.7;REMOTE_PORT=4711;HTTPS=on;"
                    "SERVER_ADDR=10.0.0.1;SERVER_PORT=443;HTTP_X_SOME_THING=y;SCRIPT_NAME=/a b");
        say();
        char end[64];
        snprintf(end, sizeof(end), "EOF %d 0;END %d 0;", i, i);
        ck_assert_str_eq(hear(), end);
        ck_assert_str_eq(body(), "GET /a%20b?x=1 host=h.example peer=192.0.2.7:4711 scheme=https "
                                 "local=10.0.0.1:443 x=y");
        ck_assert_ptr_nonnull(strstr(heard.at, "Status: 200 OK\r\n"));
        ck_assert_ptr_nonnull(strstr(heard.at, "Content-Length: "));
        ck_assert(!heard_end);
    }
    close_server();
}
END_TEST

START_TEST(without_keep_conn_it_closes)
{
    open_server();
    request(1, false, GET "/");
    say();
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert(heard_end);
    close_server();
}
END_TEST

START_TEST(any_split_is_the_same_request)
{
    open_server();
    request(1, true, GET "/split;CONTENT_LENGTH=");
    for (size_t i = 0; i < said.len; i++) {
        say_bytes(said.at + i, 1);
        turn(1);
    }
    buffer_finish(&said);
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert_ptr_nonnull(strstr(body(), "GET /split host=h.example peer=unix:0"));
    close_server();
}
END_TEST

START_TEST(bodies_stream_in_records_of_any_size)
{
    open_server();
    begin(1, FCGI_RESPONDER, true);
    params(1, "REQUEST_METHOD=POST;REQUEST_URI=/body;HTTP_HOST=h;CONTENT_LENGTH=10");
    record(FCGI_STDIN, 1, "0123", 4);
    record(FCGI_STDIN, 99, "other", 5); /* of a request that never was */
    record(FCGI_DATA, 1, "data", 4);
    record(FCGI_STDIN, 1, "4", 1);
    record(FCGI_STDIN, 1, "56789", 5);
    record(FCGI_STDIN, 1, "", 0);
    say();
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert_str_eq(body(), "0123456789");
    begin(2, FCGI_RESPONDER, true);
    params(2, "REQUEST_METHOD=POST;REQUEST_URI=/body;HTTP_HOST=h;HTTP_TRANSFER_ENCODING=chunked");
    record(FCGI_STDIN, 2, "abc", 3);
    record(FCGI_STDIN, 2, "", 0);
    say();
    ck_assert_str_eq(hear(), "EOF 2 0;END 2 0;");
    ck_assert_str_eq(body(), "abc");
    close_server();
}
END_TEST

START_TEST(a_body_that_ends_early_is_no_body)
{
    open_server();
    begin(1, FCGI_RESPONDER, false);
    params(1, "REQUEST_METHOD=POST;REQUEST_URI=/body;HTTP_HOST=h;CONTENT_LENGTH=10");
    record(FCGI_STDIN, 1, "0123", 4);
    record(FCGI_STDIN, 1, "", 0); /* the client left within it */
    say();
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert_ptr_nonnull(strstr(body(), "400 Bad Request"));
    ck_assert(heard_end);
    close_server();
}
END_TEST

START_TEST(files_are_split_over_records)
{
    open_server();
    request(1, true, GET "/file");
    say();
    ck_assert_str_eq(hear(), "EOF 1 0;END 1 0;");
    ck_assert_uint_eq(strlen(body()), 100003);
    for (size_t i = 0; i < 100003; i++)
        ck_assert_int_eq(body()[i], '0' + (int)((i + 5) % 10));
    close_server();
}
END_TEST

START_TEST(what_is_cut_is_seen_to_be_cut)
{
    open_server();
    request(1, true, GET "/late");
    say();
    ck_assert_str_eq(hear(), "SPOILED");
    ck_assert(heard_end);
    close_server();
}
END_TEST

UNIT_MAIN(a_request_is_answered_and_the_connection_kept, without_keep_conn_it_closes,
          any_split_is_the_same_request, bodies_stream_in_records_of_any_size,
          a_body_that_ends_early_is_no_body, files_are_split_over_records,
          what_is_cut_is_seen_to_be_cut)
