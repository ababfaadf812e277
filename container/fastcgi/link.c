/* link.c - blocks: numbers as they lie in memory, texts with their length before and a zero behind.
 *
 * The zero is what makes every text of a block one that ends as gale's texts do: views into the
 * block need no copy. */
#include "fastcgi/link.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/front.h"

enum { RECORD_MAX = 65528, TEXT_OVERHEAD = sizeof(uint32_t) + 1, FIXED = 512 };

/* ---- writing ---- */

/* Room for everything was made beforehand. */
struct writer {
    char *start, *at;
};

static struct writer begin(struct arena *arena, size_t size)
{
    char *start = arena_alloc(arena, size + FIXED);
    return (struct writer){start, start + sizeof(uint32_t)};
}

static struct gale_str end(const struct writer *writer)
{
    uint32_t len = (uint32_t)(writer->at - writer->start);
    memcpy(writer->start, &len, sizeof(len));
    return (struct gale_str){writer->start, len};
}

static void put(struct writer *writer, const void *bytes, size_t len)
{
    writer->at = mempcpy(writer->at, bytes, len);
}

static void put_number(struct writer *writer, uint32_t number)
{
    put(writer, &number, sizeof(number));
}

static void put_text(struct writer *writer, struct gale_str text)
{
    put_number(writer, (uint32_t)text.len);
    if (text.len)
        put(writer, text.at, text.len);
    *writer->at++ = 0;
}

static void put_fields(struct writer *writer, const struct http_header *fields, size_t count)
{
    put_number(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_text(writer, fields[i].name);
        put_text(writer, fields[i].value);
    }
}

static size_t size_of_fields(const struct http_header *fields, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += fields[i].name.len + fields[i].value.len + 2 * TEXT_OVERHEAD;
    return size;
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
    bool is_bad; /* it asked for more than there is: everything read since is empty */
};

static void get(struct reader *reader, void *to, size_t len)
{
    reader->is_bad |= (size_t)(reader->end - reader->at) < len;
    if (reader->is_bad) {
        memset(to, 0, len);
        return;
    }
    memcpy(to, reader->at, len);
    reader->at += len;
}

static uint32_t get_number(struct reader *reader)
{
    uint32_t number;
    get(reader, &number, sizeof(number));
    return number;
}

static struct gale_str get_text(struct reader *reader)
{
    size_t len = get_number(reader);
    reader->is_bad |= (size_t)(reader->end - reader->at) <= len || reader->at[len];
    if (reader->is_bad)
        return STR("");
    struct gale_str text = {reader->at, len};
    reader->at += len + 1;
    return text;
}

static size_t get_count(struct reader *reader)
{
    size_t count = get_number(reader);
    reader->is_bad |= count > (size_t)(reader->end - reader->at) / (2 * TEXT_OVERHEAD);
    return reader->is_bad ? 0 : count;
}

static struct reader open_block(struct gale_str block)
{
    return (struct reader){block.at + sizeof(uint32_t), block.at + block.len, false};
}

/* ---- blocks on the way ---- */

int link_put_block(struct iostream *stream, enum link_type type, struct gale_str block)
{
    int r = 0;
    for (size_t at = 0; at < block.len && r == 0; at += RECORD_MAX) {
        size_t left = block.len - at;
        r = fcgi_put(stream, type, LINK_ID, block.at + at, left < RECORD_MAX ? left : RECORD_MAX);
    }
    return r;
}

/* What the record in hand adds to the block. */
static int read_part(struct fcgi_reader *reader, char *to, size_t room, size_t *have)
{
    struct gale_str piece;
    int r;
    while ((r = fcgi_read_piece(reader, -1, &piece)) > 0) {
        if (piece.len > room - *have)
            return -EPROTO;
        memcpy(to + *have, piece.at, piece.len);
        *have += piece.len;
    }
    return r;
}

int link_read_block(struct fcgi_reader *reader, struct arena *arena, struct gale_str *out_block)
{
    uint8_t type = reader->record.type;
    uint32_t len;
    int r = fcgi_read_exactly(reader, &len, sizeof(len), -1);
    if (r < 0)
        return r;
    if (len < sizeof(len) || len > LINK_BLOCK_MAX)
        return -EPROTO;
    char *block = arena_alloc(arena, len);
    size_t have = sizeof(len);
    memcpy(block, &len, sizeof(len));
    while ((r = read_part(reader, block, len, &have)) == 0 && have < len) {
        r = fcgi_read_record(reader, -1);
        if (r <= 0 || reader->record.type != type || !reader->record.length)
            return r < 0 ? r : r == 0 ? -ENODATA : -EPROTO;
    }
    *out_block = (struct gale_str){block, len};
    return r;
}

/* ---- requests ---- */

enum flag {
    HAS_LENGTH = 1,
    IS_CHUNKED = 2,
    IS_KEEP_ALIVE = 4,
    EXPECTS_CONTINUE = 8,
    IS_UPGRADE = 16,
    HAS_BODY = 32,
    IS_HTTPS = 64,
    HAS_HOST = 128, /* the host is settled: an absolute target's */
};

static uint32_t flags_of(const struct gale_request *req)
{
    const struct http_request_head *head = &req->head;
    return (head->has_length ? HAS_LENGTH : 0) | (head->is_chunked ? IS_CHUNKED : 0) |
           (head->is_keep_alive ? IS_KEEP_ALIVE : 0) |
           (head->expects_continue ? EXPECTS_CONTINUE : 0) | (head->is_upgrade ? IS_UPGRADE : 0) |
           (req->has_body ? HAS_BODY : 0) | (req->is_https ? IS_HTTPS : 0) |
           (req->host.at ? HAS_HOST : 0);
}

static void take_flags(struct gale_request *req, uint32_t flags)
{
    struct http_request_head *head = &req->head;
    head->has_length = flags & HAS_LENGTH;
    head->is_chunked = flags & IS_CHUNKED;
    head->is_keep_alive = flags & IS_KEEP_ALIVE;
    head->expects_continue = flags & EXPECTS_CONTINUE;
    head->is_upgrade = flags & IS_UPGRADE;
    req->has_body = flags & HAS_BODY;
    req->is_body_done = !req->has_body;
    req->is_https = flags & IS_HTTPS;
}

static void put_address(struct writer *writer, struct exchange *exchange)
{
    char local[ENDPOINT_TEXT] = "";
    unsigned port = 0;
    exchange->front->local(exchange, local, sizeof(local), &port);
    put_text(writer, str_of(local));
    put_number(writer, port);
    put_text(writer, gale_request_peer(&exchange->req));
    put_number(writer, gale_request_peer_port(&exchange->req));
}

struct gale_str link_request_encode(struct exchange *exchange)
{
    const struct gale_request *req = &exchange->req;
    const struct http_request_head *head = &req->head;
    struct writer writer = begin(
        exchange->arena, head->method.len + head->target.len + head->host.len + req->host.len +
                             req->target.authority.len + req->target.scheme.len +
                             size_of_fields(head->headers, head->header_count) +
                             size_of_fields(req->variables, req->variable_count));
    put_number(&writer, flags_of(req));
    put_number(&writer, (uint32_t)head->minor);
    put_number(&writer, (uint32_t)req->outer);
    put(&writer, &head->content_length, sizeof(head->content_length));
    put(&writer, req->id, sizeof(req->id));
    put_address(&writer, exchange);
    put_text(&writer, head->method);
    put_text(&writer, head->target);
    put_text(&writer, head->host);
    put_text(&writer, req->host);
    put_text(&writer, req->target.authority);
    put_text(&writer, req->target.scheme);
    put_fields(&writer, head->headers, head->header_count);
    put_fields(&writer, req->variables, req->variable_count);
    put_number(&writer, (uint32_t)req->own_count);
    return end(&writer);
}

static struct http_header *get_fields(struct reader *reader, struct arena *arena, size_t *out_count)
{
    size_t count = get_count(reader);
    struct http_header *fields = arena_alloc(arena, (count + 1) * sizeof(*fields));
    for (size_t i = 0; i < count; i++) {
        fields[i].name = get_text(reader);
        fields[i].value = get_text(reader);
    }
    *out_count = count;
    return fields;
}

static void get_target(struct reader *reader, struct gale_request *req, struct arena *arena,
                       bool has_host)
{
    struct http_refusal refusal;
    struct gale_str host = get_text(reader);
    struct gale_str authority = get_text(reader), scheme = get_text(reader);
    if (has_host)
        req->host = host;
    if (reader->is_bad ||
        target_parse(req->head.method, req->head.target, arena, &req->target, &refusal) < 0)
        reader->is_bad = true;
    /* After a local redirect they are the client's, not the target's. */
    req->target.authority = authority;
    req->target.scheme = scheme;
}

int link_request_decode(struct gale_str block, struct exchange *exchange,
                        struct link_local *out_local)
{
    struct gale_request *req = &exchange->req;
    struct http_request_head *head = &req->head;
    struct reader reader = open_block(block);
    uint32_t flags = get_number(&reader);
    take_flags(req, flags);
    head->minor = (int)get_number(&reader);
    req->outer = get_number(&reader);
    get(&reader, &head->content_length, sizeof(head->content_length));
    get(&reader, req->id, sizeof(req->id));
    req->id[REQUEST_ID_LEN] = 0;
    out_local->address = get_text(&reader);
    out_local->port = get_number(&reader);
    req->peer = get_text(&reader);
    req->peer_port = get_number(&reader);
    head->method = get_text(&reader);
    head->target = get_text(&reader);
    head->host = get_text(&reader);
    get_target(&reader, req, exchange->arena, flags & HAS_HOST);
    head->headers = get_fields(&reader, exchange->arena, &head->header_count);
    req->variables = get_fields(&reader, exchange->arena, &req->variable_count);
    req->own_count = get_number(&reader);
    reader.is_bad |= req->own_count > req->variable_count;
    req->below = req->target.path;
    req->mount = STR("");
    return reader.is_bad || req->outer > req->target.path.len ? -EPROTO : 0;
}

/* ---- answers ---- */

struct gale_str link_answer_encode(const struct link_answer *answer, struct exchange *exchange)
{
    const struct gale_response *res = &exchange->res;
    size_t size = answer->elsewhere.len + answer->reason.len +
                  size_of_fields(res->headers, res->header_count);
    struct writer writer = begin(exchange->arena, size);
    put(&writer, &answer->value, sizeof(answer->value));
    put(&writer, &answer->detail, sizeof(answer->detail));
    put_text(&writer, answer->elsewhere);
    put_text(&writer, answer->reason);
    put_fields(&writer, res->headers, res->header_count);
    return end(&writer);
}

/* Goes over the block's fields: takes away those of their names, or adds them. */
static void each_field(struct reader reader, struct gale_response *res, bool adds, bool *is_bad)
{
    size_t count = get_count(&reader);
    for (size_t i = 0; i < count && !*is_bad; i++) {
        struct gale_str name = get_text(&reader), value = get_text(&reader);
        int r = adds ? gale_response_header_add(res, name, value)
                     : gale_response_header(res, name.at, NULL);
        *is_bad |= reader.is_bad || r < 0;
    }
    *is_bad |= reader.is_bad;
}

int link_answer_decode(struct gale_str block, struct gale_response *res,
                       struct link_answer *out_answer)
{
    struct reader reader = open_block(block);
    get(&reader, &out_answer->value, sizeof(out_answer->value));
    get(&reader, &out_answer->detail, sizeof(out_answer->detail));
    out_answer->elsewhere = get_text(&reader);
    out_answer->reason = get_text(&reader);
    bool is_bad = reader.is_bad;
    if (res->header_count) /* of an app that redirected to this one */
        each_field(reader, res, false, &is_bad);
    each_field(reader, res, true, &is_bad);
    return is_bad ? -EPROTO : 0;
}

/* ---- small records ---- */

int link_put_failed(struct iostream *stream, int error)
{
    int32_t content = error;
    return fcgi_put(stream, LINK_FAILED, LINK_ID, &content, sizeof(content));
}

int link_read_failed(struct fcgi_reader *reader, int *out_error)
{
    int32_t content = 0;
    int r = fcgi_read_exactly(reader, &content, sizeof(content), -1);
    *out_error = content < 0 ? content : -EPROTO;
    return r;
}
