/* fcgi_request.c - sorting variables, writing the head, and what the web server knows better. */
#include "fastcgi/fcgi_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_record.h"
#include "http/http_token.h"
#include "http/request.h"

/* ---- the variables that have a place of their own ---- */

#define SAID(variable, field)                                                                      \
    {                                                                                              \
        STR(variable), offsetof(struct fcgi_said, field)                                           \
    }
static const struct {
    struct gale_str name;
    size_t offset;
} known[] = {
    SAID("REQUEST_METHOD", method),
    SAID("REQUEST_URI", uri),
    SAID("SCRIPT_NAME", script_name),
    SAID("PATH_INFO", path_info),
    SAID("QUERY_STRING", query),
    SAID("SERVER_PROTOCOL", protocol),
    SAID("CONTENT_LENGTH", content_length),
    SAID("CONTENT_TYPE", content_type),
    SAID("HTTP_HOST", host),
    SAID("SERVER_NAME", server_name),
    SAID("SERVER_PORT", server_port),
    SAID("SERVER_ADDR", server_addr),
    SAID("REMOTE_ADDR", remote_addr),
    SAID("REMOTE_PORT", remote_port),
    SAID("HTTPS", https),
    SAID("REQUEST_SCHEME", scheme),
    SAID("HTTP_TRANSFER_ENCODING", coding),
    SAID("REMOTE_USER", user),
    SAID("AUTH_TYPE", auth_type),
};
#undef SAID

static struct gale_str *place_of(struct fcgi_said *said, struct gale_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_equals(name, known[i].name))
            return (struct gale_str *)((char *)said + known[i].offset);
    return NULL;
}

/* Whether a variable's name means that field, however a web server has written it. */
static bool means(struct gale_str name, struct gale_str field)
{
    if (name.len != field.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i] == '-' ? '_' : name.at[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != field.at[i])
            return false;
    }
    return true;
}

/* Fields of the connection between client and web server, and what CONTENT_* say already. */
static bool is_dropped(struct gale_str name)
{
    static const struct gale_str names[] = {
        STR("CONNECTION"),       STR("KEEP_ALIVE"),
        STR("PROXY_CONNECTION"), STR("TE"),
        STR("TRAILER"),          STR("UPGRADE"),
        STR("EXPECT"),           STR("CONTENT_LENGTH"),
        STR("CONTENT_TYPE"),     STR("TRANSFER_ENCODING"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (means(name, names[i]))
            return true;
    return false;
}

/* ---- the head ---- */

struct writer {
    char *at; /* room for everything was made beforehand */
    const char *why;
};

static void put(struct writer *writer, struct gale_str text)
{
    if (text.len)
        memcpy(writer->at, text.at, text.len);
    writer->at += text.len;
}

/* HTTP_X_FORWARDED_FOR is X-Forwarded-For again. */
static void put_name(struct writer *writer, struct gale_str name)
{
    bool is_first = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        *writer->at++ = c == '_' ? '-' : is_upper && !is_first ? (char)(c | 0x20) : c;
        is_first = c == '_' || c == '-';
    }
}

static void put_field(struct writer *writer, struct gale_str name, struct gale_str value)
{
    if (!http_is_token(name))
        writer->why = "the name of a HTTP_ variable is malformed";
    if (!http_is_field_value(value))
        writer->why = "a HTTP_ variable has a control byte";
    if (writer->why)
        return;
    put_name(writer, name);
    put(writer, STR(": "));
    put(writer, value);
    put(writer, STR("\r\n"));
}

static bool is_target(struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_byte(text.at[i], HTTP_BYTE_TARGET))
            return false;
    return text.len > 0;
}

/* A path as a target again: what could end it, or was decoded, is encoded. */
static void put_path(struct writer *writer, struct gale_str path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        bool is_plain = c == '/' || http_is_byte((char)c, HTTP_BYTE_HOST);
        if (is_plain || (c && strchr("!$&'()*+,;=:@", c))) {
            *writer->at++ = (char)c;
        } else {
            *writer->at++ = '%';
            *writer->at++ = digits[c >> 4];
            *writer->at++ = digits[c & 15];
        }
    }
}

static void put_target(struct writer *writer, const struct fcgi_said *said)
{
    if (said->uri.len) {
        put(writer, said->uri);
        return;
    }
    put_path(writer, said->script_name);
    put_path(writer, said->path_info);
    if (said->query.len)
        put(writer, STR("?"));
    put(writer, said->query);
}

static bool is_old(const struct fcgi_said *said)
{
    return str_equals(said->protocol, STR("HTTP/1.0")) || (!said->host.at && !said->server_name.at);
}

/* Nothing in it may end the line early: the parser judges the rest. */
static void put_request_line(struct writer *writer, const struct fcgi_said *said)
{
    if (!http_is_token(said->method))
        writer->why = "REQUEST_METHOD is missing or malformed";
    else if (said->uri.len ? !is_target(said->uri) : said->query.len && !is_target(said->query))
        writer->why = "REQUEST_URI is malformed";
    else if (!said->uri.len && !said->script_name.len && !said->path_info.len)
        writer->why = "REQUEST_URI is missing";
    if (writer->why)
        return;
    put(writer, said->method);
    put(writer, STR(" "));
    put_target(writer, said);
    put(writer, is_old(said) ? STR(" HTTP/1.0\r\n") : STR(" HTTP/1.1\r\n"));
}

static void put_body_fields(struct writer *writer, const struct fcgi_said *said, bool has_body)
{
    if (said->content_type.len)
        put_field(writer, STR("Content-Type"), said->content_type);
    if (!has_body)
        return;
    if (said->content_length.len)
        put_field(writer, STR("Content-Length"), said->content_length);
    else if (said->coding.len) /* its length is not known; only STDIN tells its end */
        put_field(writer, STR("Transfer-Encoding"), said->coding);
}

static void put_fields(struct writer *writer, struct gale_str params)
{
    struct gale_str name, value, rest = params;
    while (fcgi_pair_decode(&rest, params.len, &name, &value) == 1) {
        struct fcgi_said unused;
        if (!str_starts_with(name, STR("HTTP_")) || place_of(&unused, name))
            continue;
        name = (struct gale_str){name.at + 5, name.len - 5};
        if (!is_dropped(name))
            put_field(writer, name, value);
    }
}

/* A pair of at least two bytes grows by four, an encoded path to three times its length. */
static struct gale_str write_head(struct gale_str params, const struct fcgi_said *said,
                                  bool has_body, struct arena *arena, const char **out_why)
{
    size_t paths = said->script_name.len + said->path_info.len;
    char *head = arena_alloc(arena, 3 * params.len + 3 * paths + 256);
    struct writer writer = {.at = head};
    put_request_line(&writer, said);
    if (said->host.at)
        put_field(&writer, STR("Host"), said->host);
    else if (said->server_name.at)
        put_field(&writer, STR("Host"), said->server_name);
    put_body_fields(&writer, said, has_body);
    put_fields(&writer, params);
    put(&writer, STR("\r\n"));
    *out_why = writer.why;
    return (struct gale_str){head, (size_t)(writer.at - head)};
}

static int parse_head(struct gale_str head, const struct http_limits *limits, struct arena *arena,
                      struct gale_request *req, struct http_refusal *out_refusal)
{
    struct http_scan scan = {0};
    long len = http_scan(&scan, head.at, head.len, limits, out_refusal);
    if (len < 0)
        return -1;
    if ((size_t)len != head.len)
        return http_refuse(out_refusal, 400, "the variables make no request");
    return request_parse(req, (char *)head.at, head.len, limits, arena, out_refusal);
}

/* ---- what the web server knows better ---- */

unsigned fcgi_request_port(struct gale_str text)
{
    uint64_t port;
    return str_to_u64(text, &port) == 0 && port <= 65535 ? (unsigned)port : 0;
}

/* The canonical text of an address, "unix" for anything else. */
static struct gale_str address_of(struct gale_str text, struct arena *arena)
{
    unsigned char bytes[16];
    char canonical[INET6_ADDRSTRLEN];
    struct gale_str copy = arena_copy(arena, text.at ? text.at : "", text.len);
    for (size_t i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        if (inet_pton(family, copy.at, bytes) == 1 &&
            inet_ntop(family, bytes, canonical, sizeof(canonical)))
            return arena_copy(arena, canonical, strlen(canonical));
    }
    return STR("unix");
}

static bool is_https(const struct fcgi_said *said)
{
    return str_equals_nocase(said->https, STR("on")) || str_equals(said->https, STR("1")) ||
           str_equals_nocase(said->scheme, STR("https"));
}

/* How much of the path is the web server's own mount. */
static size_t outer_length(const struct gale_request *req, const struct fcgi_said *said,
                           struct arena *arena)
{
    struct gale_str path = req->target.path, mount = said->script_name;
    if (!said->path_info.len || !mount.len || said->path_info.at[0] != '/' ||
        !str_starts_with(path, mount))
        return 0;
    struct gale_str rest = {path.at + mount.len, path.len - mount.len};
    return str_equals(target_decode_fully(rest, arena), said->path_info) ? mount.len : 0;
}

/* Who it is, if the web server has found out. A value that no field could have is nobody's. */
static void take_user(struct gale_request *req, const struct fcgi_said *said, struct arena *arena)
{
    struct http_header variables[2];
    size_t count = 0;
    if (said->user.len && http_is_field_value(said->user))
        variables[count++] = (struct http_header){STR("REMOTE_USER"),
                                                  arena_copy(arena, said->user.at, said->user.len)};
    if (said->auth_type.len && http_is_field_value(said->auth_type))
        variables[count++] = (struct http_header){
            STR("AUTH_TYPE"), arena_copy(arena, said->auth_type.at, said->auth_type.len)};
    if (count)
        request_add_variables(req, arena, variables, count);
    req->own_count = count;
}

static void take_said(struct gale_request *req, const struct fcgi_said *said, struct arena *arena)
{
    take_user(req, said, arena);
    req->from = NULL;
    req->peer = address_of(said->remote_addr, arena);
    req->peer_port = fcgi_request_port(said->remote_port);
    req->is_https = is_https(said);
    req->outer = outer_length(req, said, arena);
}

int fcgi_request_make(struct gale_str params, bool has_body, const struct http_limits *limits,
                      struct arena *arena, struct gale_request *req, struct fcgi_said *out_said,
                      struct http_refusal *out_refusal)
{
    struct gale_str name, value, rest = params;
    const char *why;
    int r;
    *out_said = (struct fcgi_said){0};
    while ((r = fcgi_pair_decode(&rest, params.len, &name, &value)) == 1) {
        struct gale_str *place = place_of(out_said, name);
        if (place)
            *place = value;
    }
    if (r < 0)
        return http_refuse(out_refusal, 400, "the variables are cut off");
    struct gale_str head = write_head(params, out_said, has_body, arena, &why);
    if (why)
        return http_refuse(out_refusal, 400, why);
    r = parse_head(head, limits, arena, req, out_refusal);
    if (r == 0)
        take_said(req, out_said, arena);
    return r;
}
