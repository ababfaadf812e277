/* channel.c - messages as packets: a fixed head, then the text. */
#include "process/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/message_socket.h"

struct packet_head {
    uint32_t kind;
    uint32_t flags;
    int64_t value;
};

void channel_message_init(struct channel_message *message, enum channel_kind kind, int64_t value)
{
    message->kind = kind;
    message->flags = 0;
    message->value = value;
    message->text[0] = 0;
    message->text_len = 0;
    message->fd_count = 0;
    for (size_t i = 0; i < CHANNEL_FDS; i++)
        message->fds[i] = -1;
}

void channel_message_finish(struct channel_message *message)
{
    for (size_t i = 0; i < message->fd_count; i++)
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    message->fd_count = 0;
}

int channel_send(int fd, const struct channel_message *message)
{
    struct packet_head head = {message->kind, message->flags, message->value};
    size_t len = message->text_len < CHANNEL_TEXT ? message->text_len : CHANNEL_TEXT;
    struct iovec iov[] = {{&head, sizeof(head)}, {(char *)message->text, len}};
    return message_socket_send(fd, iov, 2, message->fds, message->fd_count);
}

int channel_tell(int fd, enum channel_kind kind, struct gale_str text)
{
    struct channel_message message;
    channel_message_init(&message, kind, 0);
    message.text_len = text.len < CHANNEL_TEXT ? text.len : CHANNEL_TEXT;
    memcpy(message.text, text.at, message.text_len);
    return channel_send(fd, &message);
}

int channel_receive(int fd, struct channel_message *out_message)
{
    struct {
        struct packet_head head;
        char text[CHANNEL_TEXT];
    } packet;
    channel_message_init(out_message, CHANNEL_ERROR, 0);
    size_t fds = CHANNEL_FDS;
    ssize_t n = message_socket_receive(fd, &packet, sizeof(packet), out_message->fds, &fds);
    if (n <= 0)
        return n < 0 ? (int)n : -EPIPE;
    out_message->fd_count = fds;
    if ((size_t)n < sizeof(packet.head)) {
        channel_message_finish(out_message);
        return -EBADMSG;
    }
    out_message->kind = packet.head.kind;
    out_message->flags = packet.head.flags;
    out_message->value = packet.head.value;
    out_message->text_len = (size_t)n - sizeof(packet.head);
    memcpy(out_message->text, packet.text, out_message->text_len);
    out_message->text[out_message->text_len] = 0;
    return 0;
}
