/* wire.h - a whole front in a fuzz target: bytes go in by a socket pair, in pieces; what comes back
 * is gathered up to the end of the connection, and read as a strict client would read it. */
#pragma once
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/str.h"
#include "fastcgi/fcgi_record.h"
#include "http/http_token.h"
#include "loop/ioloop.h"
#include "loop/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIRE_TURNS = 20000 }; /* a millisecond each at the most: a front that hangs */

static struct ioloop *wire_loop;

/* Once; the loop outlives all inputs. */
static inline void wire_begin(void)
{
    if (wire_loop)
        return;
    signal(SIGPIPE, SIG_IGN);
    log_set_fd(-1);
    assert(ioloop_create(NULL, &wire_loop) == 0);
}

/* The server's end (non-blocking); ours in *out_client. */
static inline int wire_pair(int *out_client)
{
    int pair[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    *out_client = pair[1];
    return pair[0];
}

/* Whatever has arrived; false at the end. */
static inline bool wire_hear(int client, struct buffer *heard)
{
    ssize_t n;
    do {
        char *to = buffer_reserve(heard, 65536);
        n = recv(client, to, 65536, 0);
        heard->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 && errno == EAGAIN;
}

/* Says it all, `step` bytes a turn, ends, and gathers what comes until the other side ends, too.
 * Closes the client's end. */
static inline void wire_talk(int client, struct gale_str bytes, size_t step, struct buffer *heard)
{
    bool goes_on = true;
    for (int turns = 0; goes_on; turns++) {
        assert(turns < WIRE_TURNS);
        size_t n = step < bytes.len ? step : bytes.len;
        ssize_t sent = n ? send(client, bytes.at, n, MSG_NOSIGNAL) : 0;
        sent = sent < 0 && errno != EAGAIN ? (ssize_t)bytes.len : sent < 0 ? 0 : sent;
        bytes.at += sent;
        bytes.len -= (size_t)sent;
        if (!bytes.len)
            (void)shutdown(client, SHUT_WR);
        ioloop_turn(wire_loop, 1);
        goes_on = wire_hear(client, heard);
    }
    close(client);
}

/* ---- HTTP ---- */

static inline struct gale_str wire_line(struct gale_str *rest)
{
    struct gale_str line = str_cut(rest, '\n');
    assert(rest->at && line.len && line.at[line.len - 1] == '\r');
    line.len--;
    return line;
}

static inline void wire_skip(struct gale_str *rest, size_t len)
{
    assert(len <= rest->len);
    rest->at += len;
    rest->len -= len;
}

static inline int wire_status(struct gale_str line)
{
    assert(str_starts_with(line, STR("HTTP/1.1 ")) && line.len >= 13);
    int status = atoi(line.at + 9);
    assert(status >= 100 && status <= 599);
    return status;
}

struct wire_framing {
    bool is_chunked, has_length, is_last;
    uint64_t length;
};

static inline struct wire_framing wire_fields(struct gale_str *rest)
{
    struct wire_framing framing = {0};
    struct gale_str line;
    while ((line = wire_line(rest)).len) {
        struct gale_str name = str_cut(&line, ':'), value = str_trim(line);
        assert(line.at && http_is_token(name) && http_is_field_value(value));
        if (str_equals_nocase(name, STR("Content-Length"))) {
            assert(!framing.has_length && str_to_u64(value, &framing.length) == 0);
            framing.has_length = true;
        }
        framing.is_chunked |= str_equals_nocase(name, STR("Transfer-Encoding"));
        framing.is_last |=
            str_equals_nocase(name, STR("Connection")) && str_equals_nocase(value, STR("close"));
    }
    assert(!framing.is_chunked || !framing.has_length);
    return framing;
}

static inline bool wire_chunks(struct gale_str *rest)
{
    for (;;) {
        if (!memchr(rest->at, '\n', rest->len))
            return false;
        size_t size = strtoul(wire_line(rest).at, NULL, 16);
        if (rest->len < size + 2)
            return false;
        wire_skip(rest, size + 2);
        assert(rest->at[-2] == '\r' && rest->at[-1] == '\n');
        if (!size)
            return true;
    }
}

/* Takes one answer from *rest. Returns its status, or 0: its body ends with the connection. */
static inline int wire_answer(struct gale_str *rest, bool is_head)
{
    struct gale_str line = wire_line(rest);
    int status = wire_status(line);
    struct wire_framing framing = wire_fields(rest);
    bool is_whole = true;
    if (is_head || status < 200 || status == 204 || status == 304)
        return status;
    if (framing.is_chunked)
        is_whole = wire_chunks(rest);
    else if (framing.has_length && framing.length <= rest->len)
        wire_skip(rest, framing.length);
    else
        is_whole = false;
    assert(!is_whole || !framing.is_last || !rest->len);
    return is_whole ? status : 0;
}

/* Well-formed answers up to the end, of which the last may be cut in its body. Appends a byte for
 * each final status to *out (may be NULL). */
static inline void wire_check_http(const struct buffer *heard, bool is_head, struct buffer *out)
{
    struct gale_str rest = buffer_str(heard);
    while (rest.len) {
        int status = wire_answer(&rest, is_head);
        if (!status)
            return;
        char digit = (char)(status / 4);
        if (out && status >= 200)
            buffer_add(out, &digit, 1);
    }
}

/* ---- FastCGI's records ---- */

typedef void wire_record_fn(void *data, const struct fcgi_record *record, struct gale_str content);

/* Records up to the end; gale ends a broken answer with what is none, or within one. */
static inline void wire_each_record(const struct buffer *heard, wire_record_fn *fn, void *data)
{
    struct gale_str rest = buffer_str(heard);
    struct fcgi_record record;
    while (rest.len >= FCGI_HEADER_SIZE &&
           fcgi_record_decode((const unsigned char *)rest.at, &record) == 0) {
        wire_skip(&rest, FCGI_HEADER_SIZE);
        if (rest.len < (size_t)record.length + record.padding)
            return;
        fn(data, &record, (struct gale_str){rest.at, record.length});
        wire_skip(&rest, (size_t)record.length + record.padding);
    }
}
