/* test_channel.c - messages there and back, with texts, zeros and descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "net/message_socket.h"
#include "process/channel.h"
#include "unit.h"

static int pair[2];

static void open_pair(void)
{
    ck_assert_int_eq(message_socket_pair(pair), 0);
}

static void close_pair(void)
{
    close(pair[0]);
    close(pair[1]);
}

START_TEST(carries_everything)
{
    struct channel_message sent, got;
    int pipes[2];
    char byte;
    open_pair();
    ck_assert_int_eq(pipe(pipes), 0);
    channel_message_init(&sent, CHANNEL_SHARED, -5);
    sent.flags = CHANNEL_SWEEP;
    memcpy(sent.text, "app\0name", 9);
    sent.text_len = 8;
    sent.fds[sent.fd_count++] = pipes[1];
    ck_assert_int_eq(channel_send(pair[0], &sent), 0);
    close(pipes[1]);
    ck_assert_int_eq(channel_receive(pair[1], &got), 0);
    ck_assert_uint_eq(got.kind, CHANNEL_SHARED);
    ck_assert_uint_eq(got.flags, CHANNEL_SWEEP);
    ck_assert_int_eq(got.value, -5);
    ck_assert_uint_eq(got.text_len, 8);
    ck_assert_mem_eq(got.text, "app\0name", 9);
    ck_assert_uint_eq(got.fd_count, 1);
    /* a descriptor that nobody took is closed: the pipe ends */
    channel_message_finish(&got);
    channel_message_finish(&got);
    ck_assert_int_eq(read(pipes[0], &byte, 1), 0);
    close(pipes[0]);
    close_pair();
}
END_TEST

START_TEST(cuts_long_texts)
{
    static char text[CHANNEL_TEXT + 100];
    struct channel_message got;
    memset(text, 'x', sizeof(text));
    open_pair();
    ck_assert_int_eq(channel_tell(pair[0], CHANNEL_ERROR, (struct gale_str){text, sizeof(text)}),
                     0);
    ck_assert_int_eq(channel_receive(pair[1], &got), 0);
    ck_assert_uint_eq(got.text_len, CHANNEL_TEXT);
    ck_assert_uint_eq(strlen(got.text), CHANNEL_TEXT);
    close_pair();
}
END_TEST

START_TEST(refuses_what_is_no_message)
{
    struct channel_message got;
    static char big[CHANNEL_TEXT + 1000];
    open_pair();
    ck_assert_int_eq(channel_receive(pair[1], &got), -EAGAIN);
    ck_assert_int_eq(send(pair[0], "short", 5, 0), 5);
    ck_assert_int_eq(channel_receive(pair[1], &got), -EBADMSG);
    ck_assert_int_eq(send(pair[0], big, sizeof(big), 0), (ssize_t)sizeof(big));
    ck_assert_int_eq(channel_receive(pair[1], &got), -EMSGSIZE);
    ck_assert_int_eq(channel_tell(pair[0], CHANNEL_READY, STR("")), 0);
    close(pair[0]);
    ck_assert_int_eq(channel_receive(pair[1], &got), 0);
    ck_assert_int_eq(channel_receive(pair[1], &got), -EPIPE);
    ck_assert_int_eq(channel_tell(pair[1], CHANNEL_READY, STR("")), -EPIPE);
    close(pair[1]);
}
END_TEST

UNIT_MAIN(carries_everything, cuts_long_texts, refuses_what_is_no_message)
