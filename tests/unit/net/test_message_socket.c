/* test_message_socket.c - messages stay apart, descriptors arrive, ends are seen. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/message_socket.h"
#include "unit.h"

static int send_text(int fd, const char *text, const int *fds, size_t count)
{
    struct iovec iov = {(char *)text, strlen(text)};
    return message_socket_send(fd, &iov, 1, fds, count);
}

START_TEST(keeps_messages_apart)
{
    int pair[2];
    char got[16];
    size_t fds = 0;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(message_socket_receive(pair[1], got, sizeof(got), NULL, &fds), -EAGAIN);
    ck_assert_int_eq(send_text(pair[0], "one", NULL, 0), 0);
    ck_assert_int_eq(send_text(pair[0], "three", NULL, 0), 0);
    ck_assert_int_eq(message_socket_receive(pair[1], got, sizeof(got), NULL, &fds), 3);
    ck_assert_int_eq(message_socket_receive(pair[1], got, 2, NULL, &fds), -EMSGSIZE);
    ck_assert_int_eq(message_socket_receive(pair[1], got, sizeof(got), NULL, &fds), -EAGAIN);
    close(pair[0]);
    ck_assert_int_eq(message_socket_receive(pair[1], got, sizeof(got), NULL, &fds), 0);
    ck_assert_int_eq(send_text(pair[1], "x", NULL, 0), -EPIPE);
    close(pair[1]);
}
END_TEST

START_TEST(carries_descriptors)
{
    int pair[2], pipes[2], got_fds[3];
    char got[16];
    size_t count = 1;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(pipe(pipes), 0);
    const int both[] = {pipes[1], pipes[1], pipes[1]};
    ck_assert_int_eq(send_text(pair[0], "fds", both, 3), 0);
    close(pipes[1]);
    /* room for one: the others are closed, so that the pipe ends with the one */
    ck_assert_int_eq(message_socket_receive(pair[1], got, sizeof(got), got_fds, &count), 3);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(fcntl(got_fds[0], F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(write(got_fds[0], "x", 1), 1);
    close(got_fds[0]);
    ck_assert_int_eq(read(pipes[0], got, 2), 1);
    ck_assert_int_eq(read(pipes[0], got, 2), 0);
    close(pipes[0]);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(drops_descriptors_of_a_message_too_long)
{
    int pair[2], pipes[2], got_fds[2];
    char got[2];
    size_t count = 2;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(send_text(pair[0], "long", &pipes[1], 1), 0);
    close(pipes[1]);
    ck_assert_int_eq(message_socket_receive(pair[1], got, 2, got_fds, &count), -EMSGSIZE);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(read(pipes[0], got, 2), 0);
    close(pipes[0]);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(takes_an_empty_message_for_the_end_and_keeps_nothing_of_it)
{
    int pair[2], pipes[2], got_fds[2];
    char got[2];
    size_t count = 2;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(send_text(pair[0], "", &pipes[1], 1), 0);
    close(pipes[1]);
    ck_assert_int_eq(message_socket_receive(pair[1], got, 2, got_fds, &count), 0);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(read(pipes[0], got, 2), 0); /* nobody holds the other end */
    close(pipes[0]);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(takes_many_descriptors_but_not_more)
{
    int pair[2], out[MESSAGE_FDS + 1], in[MESSAGE_FDS];
    char got[4];
    size_t count = MESSAGE_FDS;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    for (int i = 0; i <= MESSAGE_FDS; i++)
        out[i] = pair[0];
    ck_assert_int_eq(send_text(pair[0], "m", out, MESSAGE_FDS + 1), -EMSGSIZE);
    ck_assert_int_eq(send_text(pair[0], "m", out, MESSAGE_FDS), 0);
    ck_assert_int_eq(message_socket_receive(pair[1], got, 4, in, &count), 1);
    ck_assert_uint_eq(count, MESSAGE_FDS);
    for (size_t i = 0; i < count; i++)
        close(in[i]);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(says_when_it_is_full)
{
    int pair[2], r = 0;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    for (int i = 0; i < 100000 && r == 0; i++)
        r = send_text(pair[0], "again and again", NULL, 0);
    ck_assert_int_eq(r, -EAGAIN);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(knows_who_is_there)
{
    char path[64];
    pid_t pid = 0;
    uid_t uid = 12345;
    snprintf(path, sizeof(path), "%s/sock", unit_folder);
    ck_assert(!message_socket_is_served(path, &pid));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert(!message_socket_is_served(path, NULL));
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert(message_socket_is_served(path, &pid));
    ck_assert_int_eq(pid, getpid());
    close(fd);
    ck_assert(!message_socket_is_served(path, NULL));
    unlink(path);

    int pair[2];
    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(message_socket_peer(pair[0], &uid, &pid), 0);
    ck_assert_uint_eq(uid, getuid());
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(tells_in_datagrams)
{
    char got[32], name[64];
    snprintf(name, sizeof(name), "@gale-unit-%d", getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name + 1, strlen(name + 1));
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(message_socket_tell(name, "READY=1"), 0);
    ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 7);
    close(fd);
    ck_assert_int_eq(message_socket_tell(name, "READY=1"), -ECONNREFUSED);
    char long_path[200];
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = 0;
    ck_assert_int_eq(message_socket_tell(long_path, "x"), -ENAMETOOLONG);
}
END_TEST

UNIT_MAIN(keeps_messages_apart, carries_descriptors, drops_descriptors_of_a_message_too_long,
          takes_an_empty_message_for_the_end_and_keeps_nothing_of_it,
          takes_many_descriptors_but_not_more, says_when_it_is_full, knows_who_is_there,
          tells_in_datagrams)
