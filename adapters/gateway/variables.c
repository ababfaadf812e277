/* variables.c - the walk over a request's variables.
 *
 * Everything goes through put, which is where a name that the configuration sets itself is passed
 * over and where the walk stops once the caller has had enough. */
#include "adapters/gateway/variables.h"

#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "base/version.h"
#include "http/exchange.h"

enum { NAME_MAX_LEN = 256 };

struct walk {
    struct gale_request *req;
    const struct gateway_script *script;
    bool pass_authorization;
    gateway_variable_fn *fn;
    void *data;
    int result;
};

static struct arena *arena_of(const struct walk *walk)
{
    return exchange_of_request(walk->req)->arena;
}

/* ---- one variable ---- */

/* The last of the configured variables of that name counts. */
static const struct setting_pair *find_more(const struct walk *walk, struct gale_str name)
{
    const struct setting_pairs *more = walk->script->more;
    for (size_t i = more ? more->len : 0; i-- > 0;)
        if (str_equals(str_of(more->items[i].name), name))
            return &more->items[i];
    return NULL;
}

static void put_always(struct walk *walk, struct gale_str name, struct gale_str value)
{
    if (walk->result == 0 && !find_more(walk, name))
        walk->result = walk->fn(walk->data, name, value);
}

static void put(struct walk *walk, struct gale_str name, struct gale_str value)
{
    if (!request_variable(walk->req, name).at)
        put_always(walk, name, value);
}

static void put_if_any(struct walk *walk, struct gale_str name, struct gale_str value)
{
    if (value.len)
        put(walk, name, value);
}

/* Of what is not negative: two or three times in each request, so not by printf. */
static void put_number(struct walk *walk, struct gale_str name, int64_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    size_t len = 0;
    *--at = 0;
    do {
        *--at = (char)('0' + number % 10);
        len++;
    } while ((number /= 10) > 0);
    put(walk, name, (struct gale_str){at, len});
}

/* ---- the server and the client ---- */

/* RFC 3875 4.1.14: the name by which the client called the server. */
static struct gale_str server_name(const struct walk *walk)
{
    struct gale_str host = gale_request_host(walk->req);
    return host.len ? host : gale_request_local(walk->req);
}

/* A unix socket has no port: then the scheme's is what the client most likely used. */
static int64_t server_port(const struct walk *walk)
{
    unsigned port = gale_request_local_port(walk->req);
    return port ? port : walk->req->is_https ? 443 : 80;
}

static void put_server(struct walk *walk)
{
    const struct gale_request *req = walk->req;
    put(walk, STR("GATEWAY_INTERFACE"), STR("CGI/1.1"));
    put(walk, STR("SERVER_SOFTWARE"), STR("gale/" GALE_VERSION));
    put(walk, STR("SERVER_PROTOCOL"), gale_request_protocol(req));
    put(walk, STR("SERVER_NAME"), server_name(walk));
    put(walk, STR("SERVER_ADDR"), gale_request_local(req));
    put_number(walk, STR("SERVER_PORT"), server_port(walk));
    put(walk, STR("REQUEST_SCHEME"), gale_request_scheme(req));
    if (req->is_https)
        put(walk, STR("HTTPS"), STR("on"));
    put(walk, STR("REMOTE_ADDR"), gale_request_peer(req));
    if (gale_request_peer_port(req))
        put_number(walk, STR("REMOTE_PORT"), gale_request_peer_port(req));
}

/* ---- the request and the program ---- */

/* As it was sent, but of an absolute form (RFC 9112 3.2.2) only what programs expect here. */
static struct gale_str request_uri(const struct walk *walk)
{
    const struct target *target = &walk->req->target;
    if (!target->authority.len)
        return walk->req->head.target;
    return arena_printf(arena_of(walk), "%s%s%s", target->raw_path.at, target->has_query ? "?" : "",
                        target->query.at);
}

static void put_content(struct walk *walk)
{
    struct gale_str type;
    if (gale_request_header_nth(walk->req, STR("Content-Type"), 0, &type) == 0)
        put_if_any(walk, STR("CONTENT_TYPE"), type);
    if (walk->script->content_length >= 0)
        put_number(walk, STR("CONTENT_LENGTH"), walk->script->content_length);
}

/* PATH_INFO is decoded to the end, so ..%2F has become what it must not mean in a file's name. */
static bool has_dots(struct gale_str path)
{
    while (path.at) {
        struct gale_str segment = str_cut(&path, '/');
        if (str_equals(segment, STR("..")))
            return true;
    }
    return false;
}

static void put_path(struct walk *walk)
{
    const struct gateway_script *script = walk->script;
    if (script->name.at)
        put(walk, STR("SCRIPT_NAME"), script->name);
    put_if_any(walk, STR("PATH_INFO"), script->path_info);
    put_if_any(walk, STR("SCRIPT_FILENAME"), script->filename);
    put_if_any(walk, STR("DOCUMENT_ROOT"), script->document_root);
    if (script->path_info.len && script->document_root.len && !has_dots(script->path_info))
        put(walk, STR("PATH_TRANSLATED"),
            arena_printf(arena_of(walk), "%s%s", script->document_root.at, script->path_info.at));
}

static void put_request(struct walk *walk)
{
    put(walk, STR("REQUEST_METHOD"), gale_request_method(walk->req));
    put(walk, STR("REQUEST_URI"), request_uri(walk));
    put(walk, STR("QUERY_STRING"), gale_request_query_string(walk->req));
    put_path(walk);
    put_content(walk);
    /* PHP built for CGI refuses to run without it. */
    put(walk, STR("REDIRECT_STATUS"), STR("200"));
}

/* What the authorizer or a web server in front knows; the last one of a name counts. */
static void put_said(struct walk *walk)
{
    const struct gale_request *req = walk->req;
    for (size_t i = 0; i < req->variable_count; i++) {
        const struct http_header *variable = &req->variables[i];
        if (request_variable(req, variable->name).at == variable->value.at)
            put_always(walk, variable->name, variable->value);
    }
}

/* ---- the request's fields ---- */

/* Not for programs: the connection's and the message's own, what has a variable of its own, and
 * Proxy, which many would take for a configuration (CVE-2016-5385). */
static bool is_withheld(const struct walk *walk, struct gale_str name)
{
    static const struct gale_str names[] = {
        STR("Proxy"),        STR("Content-Length"),
        STR("Content-Type"), STR("Connection"),
        STR("Keep-Alive"),   STR("Transfer-Encoding"),
        STR("TE"),           STR("Trailer"),
        STR("Upgrade"),      STR("Proxy-Connection"),
        STR("Expect"),       STR("Proxy-Authorization"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equals_nocase(name, names[i]))
            return true;
    return !walk->pass_authorization && str_equals_nocase(name, STR("Authorization"));
}

/* HTTP_NAME in `out`; 0 for a name that no variable can be made of. */
static size_t variable_name(struct gale_str name, char out[NAME_MAX_LEN])
{
    size_t len = 5;
    if (name.len > NAME_MAX_LEN - len)
        return 0;
    memcpy(out, "HTTP_", len);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (c == '-')
            c = '_';
        else if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return 0;
        out[len++] = c;
    }
    return len;
}

static bool is_first_of_name(const struct walk *walk, size_t index)
{
    const struct http_header *headers = walk->req->head.headers;
    for (size_t i = 0; i < index; i++)
        if (str_equals_nocase(headers[i].name, headers[index].name))
            return false;
    return true;
}

/* All values of the field at index, which is the first of its name: counted, then copied. */
static struct gale_str joined(const struct walk *walk, size_t index)
{
    const struct http_request_head *head = &walk->req->head;
    struct gale_str name = head->headers[index].name, value = head->headers[index].value;
    const char *glue = str_equals_nocase(name, STR("Cookie")) ? "; " : ", ";
    size_t len = 0;
    for (size_t i = index; i < head->header_count; i++)
        if (str_equals_nocase(head->headers[i].name, name))
            len += head->headers[i].value.len + 2;
    if (len == value.len + 2)
        return value;
    char *text = arena_alloc(arena_of(walk), len + 1), *to = text;
    for (size_t i = index; i < head->header_count; i++)
        if (str_equals_nocase(head->headers[i].name, name))
            to = stpcpy(mempcpy(to, head->headers[i].value.at, head->headers[i].value.len), glue);
    to[-2] = 0;
    return (struct gale_str){text, len - 2};
}

/* RFC 9112 3.2.2: the authority of an absolute target takes the place of Host. */
static struct gale_str field_value(const struct walk *walk, size_t index)
{
    const struct gale_request *req = walk->req;
    if (req->target.authority.len && str_equals_nocase(req->head.headers[index].name, STR("Host")))
        return req->target.authority;
    return joined(walk, index);
}

static void put_fields(struct walk *walk)
{
    const struct http_request_head *head = &walk->req->head;
    char name[NAME_MAX_LEN];
    for (size_t i = 0; i < head->header_count && walk->result == 0; i++) {
        struct gale_str field = head->headers[i].name;
        size_t len = variable_name(field, name);
        if (len && !is_withheld(walk, field) && is_first_of_name(walk, i))
            put(walk, (struct gale_str){name, len}, field_value(walk, i));
    }
}

static void put_more(struct walk *walk)
{
    const struct setting_pairs *more = walk->script->more;
    for (size_t i = 0; more && i < more->len && walk->result == 0; i++) {
        const struct setting_pair *pair = &more->items[i];
        if (find_more(walk, str_of(pair->name)) == pair)
            walk->result = walk->fn(walk->data, str_of(pair->name), str_of(pair->value));
    }
}

int gateway_variables(struct gale_request *req, const struct gateway_script *script,
                      bool pass_authorization, gateway_variable_fn *fn, void *data)
{
    struct walk walk = {req, script, pass_authorization, fn, data, 0};
    put_server(&walk);
    put_request(&walk);
    put_said(&walk);
    put_fields(&walk);
    put_more(&walk);
    return walk.result;
}
