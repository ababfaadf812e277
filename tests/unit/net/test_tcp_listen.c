/* Listening sockets: options, ports in use, and what may lie in the way of a unix path. */
#include "net_fixture.h"

#include <sys/stat.h>
#include <sys/un.h>
#include "net/endpoint.h"
#include "net/tcp_server.h"

static char folder[] = "/tmp/gale-test-XXXXXX";

static struct endpoint parse(const char *text)
{
    struct endpoint endpoint;
    ck_assert_int_eq(endpoint_parse(str_of(text), &endpoint), 0);
    return endpoint;
}

static struct endpoint name_of(int fd)
{
    struct endpoint name = {.len = sizeof(name.addr)};
    ck_assert_int_eq(getsockname(fd, &name.addr.any, &name.len), 0);
    return name;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static struct endpoint in_folder(const char *file)
{
    char text[100];
    snprintf(text, sizeof(text), "unix:%s/%s", folder, file);
    return parse(text);
}

static int try_connect(const struct endpoint *endpoint)
{
    scoped_close int fd = socket(endpoint->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, &endpoint->addr.any, endpoint->len) < 0 ? -errno : 0;
}

START_TEST(sets_options)
{
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", "*:0", "[::]:0"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct endpoint any = parse(texts[i]);
        int fd = tcp_listen(&any, false, 0, 16);
        if (i % 2 && fd == -EAFNOSUPPORT)
            continue; /* a kernel without IPv6 */
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
        if (i % 2)
            ck_assert_int_eq(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
        ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        struct endpoint name = name_of(fd);
        ck_assert_int_eq(try_connect(&name), 0);
        close(fd);
        ck_assert_int_eq(try_connect(&name), -ECONNREFUSED);
    }
}
END_TEST

START_TEST(shares_a_port_only_when_all_want_to)
{
    struct endpoint any = parse("127.0.0.1:0");
    int first = tcp_listen(&any, false, 0, 16);
    struct endpoint name = name_of(first);
    ck_assert_int_eq(tcp_listen(&name, false, 0, 16), -EADDRINUSE);
    ck_assert_int_eq(tcp_listen(&name, true, 0, 16), -EADDRINUSE);
    close(first);
    first = tcp_listen(&name, true, 0, 16);
    int second = tcp_listen(&name, true, 0, 16);
    ck_assert_int_ge(first, 0);
    ck_assert_int_ge(second, 0);
    ck_assert_int_eq(tcp_listen(&name, false, 0, 16), -EADDRINUSE);
    close(first);
    close(second);
}
END_TEST

START_TEST(both_families_share_a_number)
{
    struct endpoint v4 = parse("*:0"), v6 = parse("[::]:0");
    int first = tcp_listen(&v4, false, 0, 16);
    v6.addr.v6.sin6_port = name_of(first).addr.v4.sin_port;
    int second = tcp_listen(&v6, false, 0, 16);
    ck_assert(second >= 0 || second == -EAFNOSUPPORT);
    close(first);
    if (second >= 0)
        close(second);
}
END_TEST

START_TEST(replaces_only_stale_sockets)
{
    struct stat file;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct endpoint at = in_folder("a.sock");
    int first = tcp_listen(&at, false, 0, 16);
    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(tcp_listen(&at, false, 0, 16), -EADDRINUSE); /* alive */
    ck_assert_int_eq(try_connect(&at), 0);
    close(first); /* now stale */
    ck_assert_int_eq(try_connect(&at), -ECONNREFUSED);
    int second = tcp_listen(&at, false, 0, 16);
    ck_assert_int_ge(second, 0);
    ck_assert_int_eq(try_connect(&at), 0);
    close(second);
    unlink(at.addr.un.sun_path);

    struct endpoint regular = in_folder("file");
    int fd = open(regular.addr.un.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    ck_assert_int_eq(tcp_listen(&regular, false, 0, 16), -EADDRINUSE);
    ck_assert_int_eq(stat(regular.addr.un.sun_path, &file), 0);
    unlink(regular.addr.un.sun_path);

    struct endpoint dangling = in_folder("link");
    ck_assert_int_eq(symlink("nowhere", dangling.addr.un.sun_path), 0);
    ck_assert_int_eq(tcp_listen(&dangling, false, 0, 16), -EADDRINUSE);
    unlink(dangling.addr.un.sun_path);

    struct endpoint nowhere = in_folder("no/such/folder");
    ck_assert_int_eq(tcp_listen(&nowhere, false, 0, 16), -ENOENT);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_full_backlog_is_alive)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct endpoint at = in_folder("full.sock");
    int listener = tcp_listen(&at, false, 0, 1), clients[8], n = 0;
    for (; n < 8; n++) {
        clients[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(clients[n], &at.addr.any, at.len) < 0)
            break;
    }
    ck_assert_int_lt(n, 8);
    ck_assert_int_eq(tcp_listen(&at, false, 0, 1), -EADDRINUSE);
    for (int i = 0; i <= n; i++)
        close(clients[i]);
    close(listener);
    unlink(at.addr.un.sun_path);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(gives_a_socket_file_its_mode)
{
    static const struct {
        int umask, mode, result;
    } rows[] = {
        {022, 0, 0644},    {077, 0, 0600},    {0, 0, 0666},
        {077, 0666, 0666}, {022, 0600, 0600}, {0, 0660, 0660},
    };
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stat file;
        struct endpoint at = in_folder("mode.sock");
        umask((mode_t)rows[i].umask);
        int fd = tcp_listen(&at, false, rows[i].mode, 16);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(stat(at.addr.un.sun_path, &file), 0);
        ck_assert_int_eq(file.st_mode & 07777, rows[i].result);
        close(fd);
    }
    unlink(in_folder("mode.sock").addr.un.sun_path);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(knows_abstract_names)
{
    char text[64];
    snprintf(text, sizeof(text), "unix:@gale-test-%d", (int)getpid());
    struct endpoint at = parse(text);
    int fd = tcp_listen(&at, false, 0600, 16);
    ck_assert_int_ge(fd, 0);
    struct endpoint name = name_of(fd);
    ck_assert(endpoint_equals(&name, &at));
    ck_assert_int_eq(try_connect(&at), 0);
    ck_assert_int_eq(tcp_listen(&at, false, 0, 16), -EADDRINUSE);
    close(fd);
}
END_TEST

START_TEST(tells_what_went_wrong)
{
    struct endpoint foreign = parse("192.0.2.1:80"), unknown = {.addr.any.sa_family = AF_UNSPEC};
    ck_assert_int_eq(tcp_listen(&foreign, false, 0, 16), -EADDRNOTAVAIL);
    ck_assert_int_lt(tcp_listen(&unknown, false, 0, 16), 0);
}
END_TEST

UNIT_MAIN(sets_options, shares_a_port_only_when_all_want_to, both_families_share_a_number,
          replaces_only_stale_sockets, a_full_backlog_is_alive, gives_a_socket_file_its_mode,
          knows_abstract_names, tells_what_went_wrong)
