/* Any bytes of a server, in any split: what is read from a stream is what the bytes say, record by
 * record, and the end is told for what it is.
 *
 * The first byte says how many bytes come at a time; the rest is what the other side sends. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "fastcgi/fcgi_stream.h"
#include "loop/ioloop.h"
#include "loop/task.h"
#include "net/iostream.h"
#include "net/transport.h"

enum { INPUT_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    int fd, other;
    const unsigned char *at; /* what is still expected */
    size_t left, step, unsent;
    const unsigned char *next; /* what is still to be sent */
};

/* Sends the next bytes, and the end behind the last. */
static void send_some(void *data)
{
    struct reading *reading = data;
    while (reading->unsent > 0) {
        size_t n = reading->step < reading->unsent ? reading->step : reading->unsent;
        /* Whoever reads may have had enough. */
        if (send(reading->other, reading->next, n, MSG_NOSIGNAL) != (ssize_t)n)
            return;
        reading->next += n;
        reading->unsent -= n;
        (void)task_yield();
    }
    (void)shutdown(reading->other, SHUT_WR);
}

/* The content of a record that is whole, or as much as there is of it. */
static int read_content(struct reading *reading, struct fcgi_reader *reader)
{
    size_t length = reader->record.length, got = 0;
    struct gale_str piece;
    int r;
    while ((r = fcgi_read_piece(reader, -1, &piece)) > 0) {
        assert(piece.len && got + piece.len <= length && piece.len <= reading->left);
        assert(memcmp(piece.at, reading->at, piece.len) == 0);
        got += piece.len;
        reading->at += piece.len;
        reading->left -= piece.len;
    }
    assert(r == 0 ? got == length : r == -ENODATA && !reading->left);
    return r;
}

static void pass_padding(struct reading *reading, size_t padding)
{
    size_t n = padding < reading->left ? padding : reading->left;
    reading->at += n;
    reading->left -= n;
}

static void read_task(void *data)
{
    struct reading *reading = data;
    struct iostream stream;
    struct fcgi_reader reader;
    int r;
    iostream_init(&stream, task_loop(task_current()), reading->fd, &transport_plain, -1);
    fcgi_reader_init(&reader, &stream);
    while ((r = fcgi_read_record(&reader, -1)) > 0) {
        struct fcgi_record record;
        assert(reading->left >= FCGI_HEADER_SIZE);
        assert(fcgi_record_decode(reading->at, &record) == 0);
        assert(record.type == reader.record.type && record.id == reader.record.id);
        assert(record.length == reader.record.length && record.padding == reader.record.padding);
        reading->at += FCGI_HEADER_SIZE;
        reading->left -= FCGI_HEADER_SIZE;
        /* Each third one is not looked at: the next read passes over it. */
        if (record.id % 3 == 0)
            pass_padding(reading, record.length);
        else if (read_content(reading, &reader) < 0)
            break;
        pass_padding(reading, record.padding);
    }
    assert(r != 0 || !reading->left);
    assert(r != -EPROTO || (reading->left >= FCGI_HEADER_SIZE && reading->at[0] != FCGI_VERSION_1));
    assert(r != -ENODATA || reading->left < FCGI_HEADER_SIZE);
    iostream_close(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ioloop *loop;
    int fds[2];
    if (!loop)
        assert(ioloop_create(NULL, &loop) == 0);
    if (!size || size > INPUT_MAX)
        return 0;
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct reading reading = {.fd = fds[0], .other = fds[1], .at = data + 1, .left = size - 1};
    reading.step = (size_t)data[0] * 8 + 1 + size / 64;
    reading.next = data + 1;
    reading.unsent = size - 1;
    assert(task_spawn(loop, read_task, &reading, 0, NULL) == 0);
    assert(task_spawn(loop, send_some, &reading, 0, NULL) == 0);
    while (task_count())
        ioloop_turn(loop, 10);
    close(fds[1]);
    return 0;
}
