/* fastcgi.c, fastcgi_serve.c, fastcgi_send.c, fastcgi_reply.c, fastcgi_answer.c, fastcgi_relay.c
 * and fastcgi_values.c: whole requests to a server that does what it is told. tests/system/ has it
 * all again over real sockets, and far worse servers. */
#include "fastcgi_fixture.h"

#define HEAD "Content-Type: text/plain\r\n\r\n"

static void echo(struct fake *fake)
{
    while (fake_read(fake)) {
        char text[2048];
        snprintf(text, sizeof(text), HEAD "%s %s", fake_param(fake, "REQUEST_METHOD"),
                 fake->body.len ? fake->body.at : "-");
        fake_out(fake, text);
        fake_end(fake, FCGI_REQUEST_COMPLETE);
        if (!fake->is_kept)
            return;
    }
}

START_TEST(a_request_and_its_answer)
{
    struct test_front front;
    open_app("", echo);
    ck_assert_int_eq(get(&front, "/app/x"), 200);
    ck_assert(front.is_finished);
    ck_assert_str_eq(front.body.at, "GET -");
    test_front_finish(&front);
    close_app();
}
END_TEST

static char sent[100000];

static void measure(struct fake *fake)
{
    char text[2048];
    ck_assert(fake_read(fake));
    ck_assert(str_equals(buffer_str(&fake->body), (struct gale_str){sent, fake->body.len}));
    snprintf(text, sizeof(text), HEAD "%zu %s", fake->body.len, fake_param(fake, "CONTENT_LENGTH"));
    fake_out(fake, text);
    fake_end(fake, FCGI_REQUEST_COMPLETE);
}

START_TEST(bodies_of_any_length_known_or_not)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 70000, sizeof(sent)};
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (char)('a' + i % 23);
    open_app("", measure);
    for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
        size_t size = sizes[i / 2];
        struct test_front front;
        char expected[64];
        test_front_init(&front, "POST", "/app");
        if (i % 2)
            test_front_body(&front, sent, size, 5000);
        else
            test_front_chunked(&front, sent, size, 7000);
        ask(&front);
        snprintf(expected, sizeof(expected), "%zu %zu", size, size);
        ck_assert_str_eq(front.body.at, expected);
        test_front_finish(&front);
    }
    close_app();
}
END_TEST

/* ---- failures ---- */

static const char *reply;
static int ending; /* protocolStatus, or -1: none */

static void say_reply(struct fake *fake)
{
    if (!fake_read(fake))
        return;
    fake_out(fake, reply);
    if (ending >= 0)
        fake_end(fake, ending);
    (void)iostream_flush(&fake->stream);
}

START_TEST(each_failure_has_its_status)
{
    static const struct {
        const char *reply;
        int ending, status;
        const char *body;
        bool is_cut;
    } rows[] = {
        {HEAD "ok", 0, 200, "ok", false},
        {"Status: 418\r\n\r\n", 0, 418, "", false},
        {"Location: http://x/\r\n\r\n", 0, 302, "", false},
        {HEAD "cut", -1, 502, NULL, false},
        {"Content-Length: 3\r\n\r\ncut", -1, 200, "cut", false},
        {"Content-Length: 4\r\n\r\ncut", 0, 502, NULL, false},
        {"Content-Length: 2\r\n\r\ncut", 0, 502, NULL, false},
        {"Content-", 0, 502, NULL, false},
        {"", 0, 502, NULL, false},
        {"nonsense\r\n\r\n", 0, 502, NULL, false},
        {"", FCGI_OVERLOADED, 503, NULL, false},
        {"", FCGI_UNKNOWN_ROLE, 500, NULL, false},
        {"", FCGI_CANT_MPX_CONN, 502, NULL, false},
        {"", 99, 502, NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        reply = rows[i].reply;
        ending = rows[i].ending;
        open_app(i % 2 ? "buffer = 1M" : "", say_reply);
        ck_assert_msg(get(&front, "/app") == rows[i].status, "row %zu: %d", i, front.status);
        if (rows[i].body)
            ck_assert_str_eq(front.body.at ? front.body.at : "", rows[i].body);
        ck_assert(front.is_cut == rows[i].is_cut);
        test_front_finish(&front);
        close_app();
    }
}
END_TEST

static void never(struct fake *fake)
{
    (void)fake_read(fake);
    (void)task_sleep(60000);
}

START_TEST(a_server_that_says_nothing_is_late)
{
    struct test_front front;
    open_app("read_timeout = 30ms", never);
    ck_assert_int_eq(get(&front, "/app"), 504);
    test_front_finish(&front);
    close_app();
}
END_TEST

START_TEST(a_server_that_is_not_there)
{
    struct test_front front;
    open_app("", never);
    tcp_server_stop(&listener);
    ck_assert_int_eq(get(&front, "/app"), 502);
    test_front_finish(&front);
    close_app();
}
END_TEST

START_TEST(a_full_queue)
{
    struct test_front front, other;
    struct asking asking = {.front = &other};
    open_app("connections = 1\nqueue = 0", never);
    test_front_init(&other, "GET", "/app");
    ck_assert_int_eq(task_spawn(loop, ask_task, &asking, 0, NULL), 0);
    turn_until(fakes.count == 1);
    ck_assert_int_eq(get(&front, "/app"), 503);
    ck_assert_str_eq(test_front_find(&front, "Retry-After"), "1");
    test_front_finish(&front);
    task_group_cancel(&fakes);
    turn_until(asking.is_done);
    ck_assert_int_eq(other.status, 502);
    test_front_finish(&other);
    close_app();
}
END_TEST

/* ---- kept connections ---- */

static void echo_and_values(struct fake *fake)
{
    unsigned char pair[32];
    size_t len = (size_t)(fcgi_pair_encode(pair, STR(FCGI_MAX_CONNS), STR("9")) - pair);
    if (fake->number == 2) { /* the question comes on a connection of its own */
        ck_assert_int_eq(fcgi_read_record(&fake->reader, 5000), 1);
        ck_assert_uint_eq(fake->reader.record.type, FCGI_GET_VALUES);
        (void)fcgi_put(&fake->stream, FCGI_GET_VALUES_RESULT, 0, pair, len);
        (void)iostream_flush(&fake->stream);
        return;
    }
    echo(fake);
}

START_TEST(connections_are_kept_once_the_server_was_asked)
{
    struct test_front front;
    open_app("keep_alive = 3", echo_and_values);
    ck_assert_int_eq(get(&front, "/app"), 200);
    test_front_finish(&front);
    turn_until(app_state()->upstreams.items[0].keep_max > 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(get(&front, "/app"), 200);
        test_front_finish(&front);
        ck_assert_uint_eq(app_state()->upstreams.items[0].idle_count, 1);
    }
    ck_assert_int_eq(connections, 3);
    close_app();
}
END_TEST

/* ---- the configuration ---- */

START_TEST(wrong_keys_are_told)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"fastcgi = nowhere", "expected unix:PATH or HOST:PORT"},
        {"fastcgi = unix:/x\nbackup = 1:2:3", "backup: '1:2:3' is no server"},
        {"fastcgi = unix:/x\nsplit = .php", "add root = FOLDER"},
        {"fastcgi = unix:/x\nroot = /tmp\nsplit = php", "expected one such as .php"},
        {"fastcgi = unix:/x\nindex = a", "add root = FOLDER"},
        {"fastcgi = unix:/x\nscript = a.php", "add root = FOLDER"},
        {"fastcgi = unix:/x\nkeep_alive = x", "keep_alive"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        read_config(rows[i].text);
        ck_assert_uint_ge(errors.len, 1);
        ck_assert_msg(strstr(errors.items[0].text, rows[i].error) != NULL, "%s",
                      errors.items[0].text);
        config_close(config);
        arena_finish(&arena);
    }
}
END_TEST

UNIT_MAIN(a_request_and_its_answer, bodies_of_any_length_known_or_not, each_failure_has_its_status,
          a_server_that_says_nothing_is_late, a_server_that_is_not_there, a_full_queue,
          connections_are_kept_once_the_server_was_asked, wrong_keys_are_told)
