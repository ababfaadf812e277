/* Any packets between gale's own processes: a channel hands out messages or refuses them; a worker
 * that takes connections, and one that gives them, live through whatever the other one says, and
 * no descriptor is lost or closed twice.
 *
 * The first byte of each packet says how long it is (in 16 bytes) and how many descriptors it
 * brings. */
#include "descriptors.h"
#include "wire.h"

#include "http/http_handover.h"
#include "http/http_server.h"
#include "net/message_socket.h"
#include "process/channel.h"
#include "process/handover.h"

enum { INPUT_MAX = 8192, UNIT = 16 };

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)req;
    (void)res;
    return 404;
}

static bool listens(void *data, uint32_t listener)
{
    (void)data;
    return listener % 2 == 0;
}

static struct gale_str next_packet(struct gale_str *rest, size_t *fd_count)
{
    size_t len = UNIT * ((unsigned char)rest->at[0] & 31);
    *fd_count = (unsigned char)rest->at[0] >> 5;
    rest->at++;
    rest->len--;
    len = len < rest->len ? len : rest->len;
    struct gale_str packet = {rest->at, len};
    rest->at += len;
    rest->len -= len;
    return packet;
}

/* A message that is longer than what the input can say is filled up with zeros. */
static void send_packet(int fd, struct gale_str packet, size_t fd_count, size_t size)
{
    int fds[8], others[8];
    for (size_t i = 0; i < fd_count; i++)
        fds[i] = wire_pair(&others[i]);
    char *padded = calloc(1, size + packet.len + 1);
    memcpy(padded, packet.at, packet.len);
    struct iovec iov = {padded, packet.len < size ? size : packet.len};
    (void)message_socket_send(fd, &iov, 1, fds, fd_count);
    for (size_t i = 0; i < fd_count; i++) {
        close(fds[i]);
        close(others[i]);
    }
    free(padded);
}

static void check_channel(struct gale_str rest)
{
    int pair[2];
    assert(message_socket_pair(pair) == 0);
    while (rest.len) {
        size_t fd_count;
        struct channel_message message;
        struct gale_str packet = next_packet(&rest, &fd_count);
        send_packet(pair[1], packet, fd_count, 0);
        int r = channel_receive(pair[0], &message);
        assert(r == 0 || r == -EAGAIN || r == -EBADMSG || r == -EMSGSIZE || r == -EPIPE);
        if (r < 0)
            continue;
        assert(message.text_len <= CHANNEL_TEXT && message.text[message.text_len] == 0);
        assert(message.fd_count <= CHANNEL_FDS);
        channel_message_finish(&message);
    }
    close(pair[0]);
    close(pair[1]);
}

static void turns(void)
{
    for (int i = 0; i < 3; i++)
        ioloop_turn(wire_loop, 0);
}

static void check_workers(struct gale_str rest, bool is_taker, size_t size)
{
    static struct http_settings settings;
    struct http_server server;
    struct taker taker;
    struct giver giver;
    int pair[2], client;
    struct peer peer = {.family = AF_UNIX};
    struct endpoint local = {0};
    assert(message_socket_pair(pair) == 0);
    http_settings_init(&settings);
    http_server_init(&server, wire_loop, &settings, serve, NULL);
    http_server_accept(&server, wire_pair(&client), &peer, &local);
    taker_init(&taker, &server, listens, NULL);
    giver_init(&giver, &server);
    if (is_taker)
        taker_open(&taker, pair[0]);
    else
        giver_open(&giver, pair[0]);
    while (rest.len) {
        size_t fd_count;
        struct gale_str packet = next_packet(&rest, &fd_count);
        send_packet(pair[1], packet, fd_count, size);
        turns();
    }
    close(pair[1]);
    turns();
    giver_close(&giver);
    taker_close(&taker);
    close(client);
    (void)http_server_close(&server);
    for (int i = 0; !http_server_is_empty(&server) && i < WIRE_TURNS; i++)
        ioloop_turn(wire_loop, 1);
    assert(http_server_is_empty(&server));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    struct gale_str rest = {(const char *)data, size};
    if (!size || size > INPUT_MAX)
        return 0;
    wire_begin();
    bool looks = inputs++ % 8 == 0;
    size_t before = looks ? descriptors_open() : 0;
    check_channel(rest);
    check_workers(rest, false, 0);
    check_workers(rest, true, 0);
    check_workers(rest, true, sizeof(uint64_t) + HANDOVER_BATCH * sizeof(struct http_parcel));
    assert(!looks || descriptors_open() == before);
    return 0;
}
