/* [server]: its defaults, its ranges, and what a table cannot say. */
#include "unit.h"

#include "made_up.h"

#define APP          "[app a]\nmount = /\nmade = x\n"
#define SERVER(line) APP "[server]\n" line "\n"

START_TEST(has_safe_defaults)
{
    struct made_up made;
    made_up_parse(&made, APP);
    const struct server_settings *server = &made.config->server;
    ck_assert_uint_eq(server->listen.len, 1);
    ck_assert_str_eq(server->listen.items[0], "127.0.0.1:8080");
    ck_assert_int_eq(server->socket_mode, 0660);
    ck_assert_int_eq(server->workers, 0);
    ck_assert_int_eq(server->descriptors, 0);
    ck_assert_ptr_null(server->user);
    ck_assert_ptr_null(server->control);
    ck_assert_int_eq(server->drain_timeout_ms, 30000);
    ck_assert_int_eq(server->loop_warn_ms, 500);
    ck_assert_int_eq(server->max_connections, 10000);
    ck_assert_int_eq(server->http.idle_timeout_ms, 75000);
    ck_assert_int_eq(server->http.head_timeout_ms, 10000);
    ck_assert_uint_eq(server->http.limits.max_target, 8192);
    ck_assert_uint_eq(server->http.limits.max_head, 32768);
    ck_assert_uint_eq(server->http.limits.max_headers, 100);
    ck_assert_uint_eq(server->http.max_body, 16 << 20);
    ck_assert_uint_eq(server->http.form_memory, 65536);
    ck_assert_str_eq(server->access_log, "-");
    ck_assert_str_eq(server->error_log, "-");
    ck_assert_int_eq(server->log_level, 2);
    ck_assert_int_eq(server->poller, 0);
    made_up_finish(&made);
}
END_TEST

START_TEST(a_mode_is_octal)
{
    static const struct {
        const char *line;
        int64_t mode; /* -1: refused */
    } rows[] = {
        {"socket_mode = 0666", 0666}, {"socket_mode = 600", 0600}, {"socket_mode = 0777", 0777},
        {"socket_mode = 0200", 0200}, {"socket_mode = 0444", -1},  {"socket_mode = 66", -1},
        {"socket_mode = 0888", -1},   {"socket_mode = 01777", -1}, {"socket_mode = 1777", -1},
        {"socket_mode = rw", -1},     {"socket_mode = 0x1b6", -1}, {"socket_mode = -666", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made_up made;
        char text[200];
        snprintf(text, sizeof(text), APP "[server]\n%s\n", rows[i].line);
        made_up_parse(&made, text);
        ck_assert_msg((made.text[0] != 0) == (rows[i].mode < 0), "%s: %s", rows[i].line, made.text);
        if (rows[i].mode >= 0)
            ck_assert_int_eq(made.config->server.socket_mode, rows[i].mode);
        else
            ck_assert_ptr_nonnull(strstr(made.text, "expected an octal mode such as 0660"));
        made_up_finish(&made);
    }
}
END_TEST

START_TEST(reads_every_kind)
{
    struct made_up made;
    made_up_parse(
        &made, SERVER("listen = *:80 [::]:80\nlisten = unix:/tmp/x localhost:81\n"
                      "workers = 120\ndescriptors = auto\npoller = select\n"
                      "access_log = off\naccess_log_format = json\nlog_level = debug\n"
                      "trusted_proxies = 10.0.0.0/8 unix\nmax_body = 0\n"
                      "error_page = 404 /etc/passwd\nerror_page = 500 /etc/group\nloop_warn = 0s"));
    ck_assert_str_eq(made.text, "");
    const struct server_settings *server = &made.config->server;
    ck_assert_uint_eq(server->listen.len, 4);
    ck_assert_str_eq(server->listen.items[3], "localhost:81");
    ck_assert_int_eq(server->workers, 120);
    ck_assert_int_eq(server->poller, 2);
    ck_assert_str_eq(server->access_log, "off");
    ck_assert_int_eq(server->access_log_format, 1);
    ck_assert_int_eq(server->log_level, 3);
    ck_assert_uint_eq(server->trusted_proxies.len, 2);
    ck_assert_uint_eq(server->http.max_body, 0);
    ck_assert_uint_eq(server->error_pages.len, 2);
    ck_assert_str_eq(server->error_pages.items[1].value, "/etc/group");
    ck_assert_int_eq(server->loop_warn_ms, 0);
    made_up_finish(&made);
}
END_TEST

START_TEST(says_what_is_allowed)
{
    static const struct made_up_row rows[] = {
        {SERVER("workers = 0"), "5: workers: '0' is not a count; expected 'auto' (one for each "
                                "CPU) or a number from 1 to 120\n"},
        {SERVER("workers = -1"), "5: workers: '-1' is not a count; expected 'auto' (one for each "
                                 "CPU) or a number from 1 to 120\n"},
        {SERVER("workers = 121"), "5: workers: '121' is not a count; expected 'auto' (one for each "
                                  "CPU) or a number from 1 to 120\n"},
        {SERVER("descriptors = 63"),
         "5: descriptors: '63' is not a count; expected 'auto' (as many as the system allows) or "
         "a number from 64 to 10000000\n"},
        {SERVER("idle_timeout = 75"), "5: idle_timeout: '75' has no unit; expected a time such as "
                                      "500ms, 30s, 5m, 1h or 1d, from 1ms to "
                                      "1d\n"},
        {SERVER("backlog = 0"), "5: backlog: '0' is too small; expected a whole number, from 1 to "
                                "65535\n"},
        {SERVER("max_head = 2M"),
         "5: max_head: '2M' is too large; expected a size such as 512, 16K or 8M, "
         "from 256 to 1M\n"},
        {SERVER("poller = kqueue"),
         "5: poller: 'kqueue' is not one of the choices; expected epoll, poll or select\n"},
        {SERVER("log_level = loud"),
         "5: log_level: 'loud' is not one of the choices; expected error, warn, info or debug\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(reads_addresses)
{
    static const struct made_up_row rows[] = {
        {SERVER("listen = 8080"),
         "5: listen: '8080' is no address; for port 8080 write *:8080 or 127.0.0.1:8080\n"},
        {SERVER("listen = *:80 /run/x"),
         "5: listen: '/run/x' is no address; expected ADDRESS:PORT such as 127.0.0.1:8080, *:80 "
         "or [::1]:8080, or unix:PATH\n"},
        {SERVER("listen = *:80, *:81"),
         "5: listen: '*:80,' has a comma in it; addresses are separated by blanks\n"},
        {SERVER("listen = localhost:80,[::1]:80"),
         "5: listen: 'localhost:80,[::1]:80' has a comma in it; addresses are separated by "
         "blanks\n"},
        {SERVER("listen = unix:/x,y unix:/z,"),
         "5: listen: 'unix:/z,' has a comma in it; addresses are separated by blanks\n"},
        {SERVER("listen = *:80\nlisten = *:99999"),
         "6: listen: '*:99999' is no address; expected ADDRESS:PORT such as 127.0.0.1:8080, *:80 "
         "or [::1]:8080, or unix:PATH\n"},
        {SERVER("listen = *:80\nlisten = *:81 *:80"), "6: listen: *:80 is given twice\n"},
        {SERVER("listen ="), "5: listen: the value is missing; expected an address such as *:80\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(reads_error_pages)
{
    static const struct made_up_row rows[] = {
        {SERVER("error_page = 200 x"), "5: error_page: '200' is not a status; expected 400 to 599 "
                                       "and a path, as in `error_page = 404 pages/404.html`\n"},
        {SERVER("error_page = 404 /etc/passwd\nerror_page = 404 /etc/group"),
         "6: error_page: 404 has a page already, on line 5\n"},
        {SERVER("error_page = 404 x"),
         "5: error_page: cannot read /nowhere/x: No such file or directory; expected a file of at "
         "most 1M\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(reads_trusted_proxies)
{
    static const struct made_up_row rows[] = {
        {SERVER("trusted_proxies = 10.0.0.0/8 ::1 unix"), ""},
        {SERVER("trusted_proxies = 10.0.0.0/8\ntrusted_proxies = ::1 proxy.example.org"),
         "6: trusted_proxies: 'proxy.example.org' is no network; expected addresses such as "
         "10.0.0.0/8, ::1 or unix\n"},
        {SERVER("trusted_proxies = 10.0.0.0/8, ::1"),
         "5: trusted_proxies: '10.0.0.0/8,' has a comma in it; networks are separated by "
         "blanks\n"},
        {SERVER("trusted_proxies = 10.0.0.0/33"),
         "5: trusted_proxies: '10.0.0.0/33' is no network; expected addresses such as 10.0.0.0/8, "
         "::1 or unix\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

/* Each row can be documented, and none is without its sentence. */
START_TEST(every_key_has_its_sentence)
{
    for (const struct setting *row = server_table; row->key; row++) {
        ck_assert_ptr_nonnull(row->help);
        ck_assert_msg(str_ends_with(str_of(row->help), STR(".")), "%s", row->key);
    }
    for (const struct setting *row = app_table; row->key; row++) {
        ck_assert_ptr_nonnull(row->help);
        ck_assert_msg(str_ends_with(str_of(row->help), STR(".")), "%s", row->key);
    }
}
END_TEST

UNIT_MAIN(has_safe_defaults, a_mode_is_octal, reads_every_kind, says_what_is_allowed,
          reads_addresses, reads_error_pages, reads_trusted_proxies, every_key_has_its_sentence)
