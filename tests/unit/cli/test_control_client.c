/* One request to a unix socket, and everything that may come back. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "cli/control_client.h"
#include "folder.h"
#include "unix_server.h"

START_TEST(understands_answers)
{
    static const struct {
        const char *bytes;
        int result, status;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}\n", 0, 200, "{}\n"},
        {"HTTP/1.0 409 Conflict\r\n\r\nwhy\r\n\r\nnot", 0, 409, "why\r\n\r\nnot"},
        {"HTTP/1.1 204 No Content\r\n\r\n", 0, 204, ""},
        {"HTTP/1.1 2x0 OK\r\n\r\n", -EPROTO, 0, NULL},
        {"HTTP/1.1 200 OK\r\nA: b\r\n", -EPROTO, 0, NULL},
        {"SSH-2.0-x\r\n\r\n", -EPROTO, 0, NULL},
        {"HTTP/1.\r\n\r\n", -EPROTO, 0, NULL},
        {"", -ENODATA, 0, NULL},
        {NULL, -ENODATA, 0, NULL},
    };
    char folder[64];
    enter_folder(folder);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct unix_server server;
        struct control_answer answer = {0};
        unix_server_start(&server, "s.sock", cases[i].bytes);
        int r = control_client_ask("s.sock", "POST", "/x?y=z", 5000, &answer);
        unix_server_stop(&server);
        ck_assert_int_eq(r, cases[i].result);
        ck_assert_int_eq(answer.status, cases[i].status);
        ck_assert_pstr_eq(answer.body, cases[i].body);
        if (cases[i].bytes)
            ck_assert_int_eq(strncmp(server.request, "POST /x?y=z HTTP/1.0\r\n", 22), 0);
        free(answer.body);
    }
    leave_folder(folder);
}
END_TEST

START_TEST(says_who_is_not_there)
{
    struct control_answer answer;
    char folder[64], longer[200];
    enter_folder(folder);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    ck_assert_int_eq(control_client_ask("none.sock", "GET", "/", 1000, &answer), -ENOENT);
    ck_assert_int_eq(control_client_ask(longer, "GET", "/", 1000, &answer), -EINVAL);
    struct unix_server server;
    unix_server_start(&server, "s.sock", "");
    ck_assert_int_eq(link("s.sock", "left.sock"), 0);
    (void)control_client_ask("s.sock", "GET", "/", 1000, &answer);
    unix_server_stop(&server);
    ck_assert_int_eq(control_client_ask("left.sock", "GET", "/", 1000, &answer), -ECONNREFUSED);
    leave_folder(folder);
}
END_TEST

START_TEST(does_not_wait_for_ever)
{
    struct control_answer answer;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "s.sock"};
    char folder[64];
    enter_folder(folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    ck_assert_int_eq(control_client_ask("s.sock", "GET", "/", 50, &answer), -ETIMEDOUT);
    close(fd);
    leave_folder(folder);
}
END_TEST

UNIT_MAIN(understands_answers, says_who_is_not_there, does_not_wait_for_ever)
