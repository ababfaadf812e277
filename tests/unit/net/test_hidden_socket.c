/* A socket without a name: reached through its descriptor alone, and nothing left of it. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "net/endpoint.h"
#include "net/hidden_socket.h"

static int connect_to(const struct hidden_socket *hidden)
{
    struct endpoint endpoint;
    char text[HIDDEN_SOCKET_TEXT];
    ck_assert_int_eq(
        endpoint_parse(str_of(hidden_socket_address(hidden->path_fd, text)), &endpoint), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, &endpoint.addr.any, endpoint.len) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

static int entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir)); count++)
        ;
    closedir(dir);
    return count - 2;
}

START_TEST(leaves_nothing_in_the_file_system)
{
    char folder[] = "/tmp/gale-unit-XXXXXX";
    struct hidden_socket hidden;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
    ck_assert_int_eq(hidden_socket_open(4, &hidden), 0);
    ck_assert_int_eq(entries(folder), 0);
    int client = connect_to(&hidden), server = accept(hidden.listen_fd, NULL, NULL);
    ck_assert_int_ge(client, 0);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(fcntl(hidden.listen_fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(hidden.listen_fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(hidden.path_fd, F_GETFD), FD_CLOEXEC);
    close(client);
    close(server);
    hidden_socket_close(&hidden);
    hidden_socket_close(&hidden);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(takes_another_folder_where_one_does_not_do)
{
    static char longest[200];
    static const char *const wrong[] = {"/does/not/exist", "relative", "", longest};
    longest[0] = '/';
    memset(longest + 1, 'a', sizeof(longest) - 2);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct hidden_socket hidden;
        setenv("TMPDIR", wrong[i], 1);
        ck_assert_int_eq(hidden_socket_open(4, &hidden), 0);
        hidden_socket_close(&hidden);
    }
}
END_TEST

START_TEST(ends_those_that_wait)
{
    struct hidden_socket hidden;
    char byte;
    ck_assert_int_eq(hidden_socket_open(4, &hidden), 0);
    int a = connect_to(&hidden), b = connect_to(&hidden);
    ck_assert_int_eq(recv(a, &byte, 1, 0), -1);
    hidden_socket_refuse(&hidden);
    ck_assert_int_eq(recv(a, &byte, 1, 0), 0);
    ck_assert_int_eq(recv(b, &byte, 1, 0), 0);
    ck_assert_int_eq(fcntl(hidden.listen_fd, F_GETFL) & O_NONBLOCK, 0);
    hidden_socket_refuse(&hidden); /* nobody */
    close(a);
    close(b);
    hidden_socket_close(&hidden);
}
END_TEST

START_TEST(ends_who_accepts_elsewhere)
{
    struct hidden_socket hidden;
    int status, tell[2];
    ck_assert_int_eq(pipe(tell), 0);
    ck_assert_int_eq(hidden_socket_open(4, &hidden), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (write(tell[1], "x", 1) != 1)
            _exit(2);
        _exit(accept(hidden.listen_fd, NULL, NULL) < 0 && errno == EINVAL ? 0 : 1);
    }
    char byte;
    ck_assert_int_eq(read(tell[0], &byte, 1), 1);
    hidden_socket_close(&hidden);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    close(tell[0]);
    close(tell[1]);
}
END_TEST

UNIT_MAIN(leaves_nothing_in_the_file_system, takes_another_folder_where_one_does_not_do,
          ends_those_that_wait, ends_who_accepts_elsewhere)
