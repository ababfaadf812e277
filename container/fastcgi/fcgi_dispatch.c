/* fcgi_dispatch.c - records in their order: the request's own, and everybody else's.
 *
 *   id 0          GET_VALUES is answered, any other type with UNKNOWN_TYPE
 *   another id    BEGIN_REQUEST is answered with CANT_MPX_CONN while a request is served; the rest
 *                 belongs to requests that have ended or never began, and is passed over
 *   its own id    PARAMS, STDIN, ABORT_REQUEST: the request's business; else passed over */
#include "fastcgi/fcgi_front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_server.h"
#include "http/http_server.h"
#include "loop/task.h"

enum { VALUES_MAX = 512 };

bool fcgi_put_end(struct iostream *stream, uint16_t id, uint8_t protocol_status)
{
    FCGI_EndRequestBody body = {.protocolStatus = protocol_status};
    char *to = iostream_reserve(stream, FCGI_HEADER_SIZE + sizeof(body));
    if (!to)
        return false;
    fcgi_record_encode((unsigned char *)to, FCGI_END_REQUEST, id, sizeof(body), false, NULL);
    memcpy(to + FCGI_HEADER_SIZE, &body, sizeof(body));
    iostream_commit(stream, FCGI_HEADER_SIZE + sizeof(body));
    return true;
}

static int refuse(struct fcgi_connection *connection, uint16_t id, uint8_t protocol_status)
{
    FCGI_EndRequestBody body = {.protocolStatus = protocol_status};
    return fcgi_put(&connection->stream, FCGI_END_REQUEST, id, &body, sizeof(body));
}

/* ---- management ---- */

static struct gale_str value_of(const struct fcgi_connection *connection, struct gale_str name,
                                char text[32])
{
    bool is_count = str_equals(name, STR(FCGI_MAX_CONNS)) || str_equals(name, STR(FCGI_MAX_REQS));
    uint64_t max = connection->server->http->tcp.max_connections;
    if (is_count && max)
        return (struct gale_str){text, (size_t)snprintf(text, 32, "%llu", (unsigned long long)max)};
    return str_equals(name, STR(FCGI_MPXS_CONNS)) ? STR("0") : (struct gale_str){0};
}

/* The names that are known, with their values. Returns the length of the answer. */
static size_t answer_values(const struct fcgi_connection *connection, struct gale_str asked,
                            unsigned char out[VALUES_MAX])
{
    struct gale_str name, unused;
    unsigned char *to = out;
    char text[32];
    while (fcgi_pair_decode(&asked, VALUES_MAX, &name, &unused) == 1) {
        struct gale_str value = value_of(connection, name, text);
        size_t size = fcgi_pair_size(name.len, value.len);
        if (value.at && size <= (size_t)(out + VALUES_MAX - to))
            to = fcgi_pair_encode(to, name, value);
    }
    return (size_t)(to - out);
}

static int manage(struct fcgi_connection *connection, int64_t timeout_ms)
{
    struct fcgi_reader *reader = &connection->reader;
    unsigned char asked[VALUES_MAX], answer[VALUES_MAX];
    FCGI_UnknownTypeBody unknown = {.type = reader->record.type};
    size_t len = reader->record.length < VALUES_MAX ? reader->record.length : VALUES_MAX;
    if (reader->record.type != FCGI_GET_VALUES)
        return fcgi_put(&connection->stream, FCGI_UNKNOWN_TYPE, 0, &unknown, sizeof(unknown));
    int r = fcgi_read_exactly(reader, asked, len, timeout_ms);
    if (r < 0)
        return r;
    len = answer_values(connection, (struct gale_str){(char *)asked, len}, answer);
    return fcgi_put(&connection->stream, FCGI_GET_VALUES_RESULT, 0, answer, len);
}

/* ---- reading ---- */

static bool is_wanted(const struct fcgi_record *record, const struct fcgi_exchange *x)
{
    if (!x)
        return record->type == FCGI_BEGIN_REQUEST && record->id != 0;
    return record->id == x->id && (record->type == FCGI_PARAMS || record->type == FCGI_STDIN ||
                                   record->type == FCGI_ABORT_REQUEST);
}

/* Answers one that is not wanted. What is put leaves at once: whoever asked waits for it. */
static int answer(struct fcgi_connection *connection, const struct fcgi_exchange *x,
                  int64_t timeout_ms)
{
    const struct fcgi_record *record = &connection->reader.record;
    int r = 0;
    if (record->id == 0)
        r = manage(connection, timeout_ms);
    else if (record->type == FCGI_BEGIN_REQUEST && record->id == x->id)
        return -EPROTO; /* nobody can tell the two apart */
    else if (record->type == FCGI_BEGIN_REQUEST)
        r = refuse(connection, record->id, FCGI_CANT_MPX_CONN);
    else
        return 0;
    return r < 0 ? r : iostream_push(&connection->stream);
}

int fcgi_next_record(struct fcgi_connection *connection, const struct fcgi_exchange *x,
                     int64_t timeout_ms)
{
    struct fcgi_reader *reader = &connection->reader;
    for (;;) {
        int r = fcgi_read_record(reader, timeout_ms);
        if (r <= 0 || is_wanted(&reader->record, x))
            return r;
        r = answer(connection, x, timeout_ms);
        if (r < 0)
            return r;
        /* Between requests nothing may be left but to wait idle. */
        if (!x && fcgi_reader_is_clean(reader))
            return 0;
    }
}

/* ---- looking ---- */

enum outcome { TAKEN, LEFT };

/* A whole record that nobody has asked for, while the request is being served. */
static enum outcome look_at(struct fcgi_connection *connection, const struct fcgi_record *record)
{
    struct fcgi_exchange *x = connection->current;
    if (record->id != x->id) {
        if (record->type != FCGI_BEGIN_REQUEST || record->id == 0)
            return record->id == 0 ? LEFT : TAKEN;
        if (!fcgi_put_end(&connection->stream, record->id, FCGI_CANT_MPX_CONN))
            return LEFT;
        (void)iostream_push(&connection->stream); /* an error sticks in the stream */
        return TAKEN;
    }
    if (record->type == FCGI_STDIN && record->length == 0) {
        x->is_input_ended = true;
        return TAKEN;
    }
    if (record->type != FCGI_ABORT_REQUEST)
        return LEFT;
    x->is_aborted = true;
    task_cancel(connection->task, -ECANCELED);
    return TAKEN;
}

bool fcgi_look(struct fcgi_connection *connection)
{
    bool is_between = fcgi_reader_settle(&connection->reader);
    struct gale_str have = iostream_buffered(&connection->stream);
    struct fcgi_record record;
    if (have.len && !is_between)
        return false;
    while (have.len >= FCGI_HEADER_SIZE) {
        if (fcgi_record_decode((const unsigned char *)have.at, &record) < 0)
            return false;
        size_t size = FCGI_HEADER_SIZE + (size_t)record.length + record.padding;
        if (size > have.len || look_at(connection, &record) == LEFT)
            return false;
        iostream_consume(&connection->stream, size);
        have = iostream_buffered(&connection->stream);
    }
    return have.len == 0;
}
