/* reply.c - from a program's header block to status and fields.
 *
 * One pass over the lines. Fields that mean something to gale are rows of a table, and each of them
 * may stand once; what is left over goes to the client, but for the fields of the connection. */
#include "adapters/gateway/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_token.h"
#include "http/response.h"

/* ---- the end of the block ---- */

/* Whether the LF at `at` ends an empty line. */
static bool is_empty_line(const char *data, size_t at)
{
    if (at > 0 && data[at - 1] == '\r')
        at--;
    return at == 0 || data[at - 1] == '\n';
}

long reply_scan(size_t *searched, const char *data, size_t len)
{
    size_t end = len < REPLY_HEAD_MAX ? len : REPLY_HEAD_MAX;
    while (*searched < end) {
        const char *lf = memchr(data + *searched, '\n', end - *searched);
        *searched = lf ? (size_t)(lf - data) + 1 : end;
        if (lf && is_empty_line(data, *searched - 1))
            return (long)*searched;
    }
    return len >= REPLY_HEAD_MAX ? -EMSGSIZE : 0;
}

/* ---- its lines ---- */

struct reading {
    struct reply *reply;
    struct arena *arena;
    const char *why;
    struct gale_str connection; /* the fields that this one names are the connection's, too */
    bool has_status, has_location, has_type;
    size_t lines; /* fields so far, known or not */
    size_t room;  /* for fields in the reply */
};

static int bad(struct reading *reading, const char *why)
{
    reading->why = why;
    return -EBADMSG;
}

/* "200", "404 Not Found". */
static int read_status(struct reading *reading, struct gale_str value)
{
    struct gale_str digits = {value.at, value.len < 3 ? value.len : 3};
    uint64_t status = 0;
    if (reading->has_status)
        return bad(reading, "two statuses");
    reading->has_status = true;
    if (str_to_u64(digits, &status) < 0 || (value.len > 3 && value.at[3] != ' ') || status < 200 ||
        status > 599)
        return bad(reading, "its status is none of 200 to 599");
    reading->reply->status = (int)status;
    if (value.len > 3)
        reading->reply->reason = str_trim((struct gale_str){value.at + 3, value.len - 3});
    return 0;
}

static int read_length(struct reading *reading, struct gale_str value)
{
    uint64_t length = 0;
    if (reading->reply->length >= 0)
        return bad(reading, "two Content-Length fields");
    if (str_to_u64(value, &length) < 0 || length > INT64_MAX)
        return bad(reading, "its Content-Length is not a number");
    reading->reply->length = (int64_t)length;
    return 0;
}

static int read_coding(struct reading *reading, struct gale_str value)
{
    (void)value;
    return bad(reading, "a Transfer-Encoding, which is the server's to choose");
}

static int read_once(struct reading *reading, struct gale_str value, struct gale_str *to)
{
    if (to->len || !value.len)
        return bad(reading, to->len ? "a field twice that there may be one of" : "an empty field");
    *to = value;
    return 0;
}

static int read_send_file(struct reading *reading, struct gale_str value)
{
    return read_once(reading, value, &reading->reply->send_file);
}

static int read_accel(struct reading *reading, struct gale_str value)
{
    return read_once(reading, value, &reading->reply->accel);
}

static int read_connection(struct reading *reading, struct gale_str value)
{
    struct gale_str all = reading->connection;
    reading->connection = all.len ? arena_printf(reading->arena, "%s,%s", all.at, value.at) : value;
    return 0;
}

static int drop(struct reading *reading, struct gale_str value)
{
    (void)reading;
    (void)value;
    return 0;
}

static int add_field(struct reading *reading, struct gale_str name, struct gale_str value)
{
    struct reply *reply = reading->reply;
    if (reply->count == reading->room)
        return bad(reading, "too many fields");
    reply->fields[reply->count++] = (struct reply_field){name, value};
    return 0;
}

static int add_location(struct reading *reading, struct gale_str name, struct gale_str value)
{
    if (reading->has_location || !value.len)
        return bad(reading, reading->has_location ? "two Location fields" : "an empty Location");
    reading->has_location = true;
    return add_field(reading, name, value);
}

/* RFC 3875 6.3: each of the fields that are CGI's own stands once at most. */
static int add_type(struct reading *reading, struct gale_str name, struct gale_str value)
{
    if (reading->has_type)
        return bad(reading, "two Content-Type fields");
    reading->has_type = true;
    return add_field(reading, name, value);
}

static const struct {
    struct gale_str name;
    int (*read)(struct reading *reading, struct gale_str value);
} rows[] = {
    {STR("Status"), read_status},
    {STR("Content-Length"), read_length},
    {STR("Transfer-Encoding"), read_coding},
    {STR("X-Sendfile"), read_send_file},
    {STR("X-Accel-Redirect"), read_accel},
    {STR("Connection"), read_connection},
    {STR("Keep-Alive"), drop},
    {STR("Proxy-Connection"), drop},
    {STR("Upgrade"), drop},
    {STR("Trailer"), drop},
    {STR("TE"), drop},
};

static int read_field(struct reading *reading, struct gale_str name, struct gale_str value)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_equals_nocase(name, rows[i].name))
            return rows[i].read(reading, value);
    if (str_equals_nocase(name, STR("Location")))
        return add_location(reading, name, value);
    if (str_equals_nocase(name, STR("Content-Type")))
        return add_type(reading, name, value);
    return add_field(reading, name, value);
}

/* A piece of the block's copy as a string of its own: it may end in zero there, since what follows
 * it is a colon, a blank or the end of its line. */
static struct gale_str ended(struct gale_str piece)
{
    ((char *)piece.at)[piece.len] = 0;
    return piece;
}

static int read_line(struct reading *reading, struct gale_str line)
{
    struct gale_str value = line, name = str_cut(&value, ':');
    reading->lines++;
    if (!value.at)
        return bad(reading, "a line without a colon among its fields");
    if (!http_is_token(name))
        return bad(reading, "a line whose field name is no token");
    value = str_trim(value);
    if (!http_is_field_value(value))
        return bad(reading, "a control byte in a field");
    return read_field(reading, ended(name), ended(value));
}

/* "HTTP/1.1 200 OK": what a program whose name begins with nph- writes first (RFC 3875 5). It is
 * read and framed anew, since raw bytes could say anything about where the message ends. */
static int read_status_line(struct reading *reading, struct gale_str line)
{
    struct gale_str rest = line, version = str_cut(&rest, ' ');
    if (!str_starts_with(version, STR("HTTP/")) || !rest.at)
        return bad(reading, "no status line, with which an nph- program begins");
    return read_status(reading, rest);
}

/* Takes the next line without its end; the last one, which is empty, ends the block. */
static struct gale_str next_line(struct gale_str *rest)
{
    struct gale_str line = str_cut(rest, '\n');
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* ---- what they mean together ---- */

/* RFC 9110 7.6.1: the fields that Connection names are for the next hop alone. */
static void drop_named_fields(struct reading *reading)
{
    struct gale_str list = reading->connection, name;
    struct reply *reply = reading->reply;
    while (list.len && http_list_next(&list, &name)) {
        size_t kept = 0;
        for (size_t i = 0; i < reply->count; i++)
            if (!str_equals_nocase(reply->fields[i].name, name))
                reply->fields[kept++] = reply->fields[i];
        reply->count = kept;
    }
}

/* RFC 3875 6.2.2: a path and nothing else. What begins with two slashes names another host, and a
 * fragment is for the client. */
static bool is_local(const struct reading *reading, struct gale_str location)
{
    return reading->lines == 1 && !reading->has_status && location.at[0] == '/' &&
           location.at[1] != '/' && !str_find(location, '#');
}

static int conclude(struct reading *reading)
{
    struct reply *reply = reading->reply;
    if (!reading->lines && !reading->has_status)
        return bad(reading, "no field at all");
    drop_named_fields(reading);
    if (reading->has_location && !reading->has_status)
        reply->status = 302;
    if (reading->has_location && is_local(reading, reply->fields[0].value)) {
        reply->kind = REPLY_LOCAL_REDIRECT;
        reply->location = reply->fields[0].value;
    }
    return 0;
}

static int read_lines(struct reading *reading, struct gale_str rest, bool nph)
{
    struct gale_str line = next_line(&rest);
    int r = 0;
    if (nph) {
        r = read_status_line(reading, line);
        line = next_line(&rest);
    }
    while (r == 0 && line.len) {
        r = read_line(reading, line);
        line = next_line(&rest);
    }
    return r < 0 ? r : conclude(reading);
}

/* Every field has a line. */
static size_t room_for(const char *data, size_t len)
{
    struct gale_str rest = {data, len};
    size_t lines = 0;
    while (rest.at && ++lines < REPLY_FIELDS_MAX)
        (void)str_cut(&rest, '\n');
    return lines;
}

int reply_parse(const char *data, size_t len, bool nph, struct arena *arena,
                struct reply *out_reply, const char **out_why)
{
    struct reply reply = {.kind = REPLY_DOCUMENT,
                          .status = 200,
                          .reason = STR(""),
                          .length = -1,
                          .location = STR(""),
                          .send_file = STR(""),
                          .accel = STR("")};
    struct reading reading = {.reply = &reply, .arena = arena, .connection = STR("")};
    reading.room = room_for(data, len);
    reply.fields = arena_alloc(arena, (reading.room + 1) * sizeof(*reply.fields));
    int r = read_lines(&reading, arena_copy(arena, data, len), nph);
    if (r < 0)
        *out_why = reading.why;
    else
        *out_reply = reply;
    return r;
}

int reply_apply(const struct reply *reply, struct gale_response *res)
{
    int r = gale_response_status(res, reply->status);
    response_say_reason(res, reply->reason);
    for (size_t i = 0; i < reply->count && r == 0; i++)
        r = gale_response_header_add(res, reply->fields[i].name, reply->fields[i].value);
    if (r == 0 && reply->length >= 0) {
        struct reply_field length = {STR("Content-Length"), {0}};
        char digits[24];
        length.value.len =
            (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)reply->length);
        length.value.at = digits;
        r = gale_response_header_str(res, length.name, length.value);
    }
    return r;
}
