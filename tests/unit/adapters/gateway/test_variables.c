/* Requests as variables: which there are, what becomes of fields, what is never passed on. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "adapters/gateway/variables.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "base/version.h"
#include "http/exchange.h"
#include "http/test_front.h"

static struct gateway_script script;
static bool pass_authorization;
static size_t stop_after;
static struct buffer said;

static int note(void *data, struct gale_str name, struct gale_str value)
{
    size_t *count = data;
    buffer_printf(&said, "%.*s=%.*s\n", (int)name.len, name.at, (int)value.len, value.at);
    return ++*count == stop_after ? 7 : 0;
}

static const struct http_header *known;
static size_t known_count;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    size_t count = 0;
    request_add_variables(req, exchange_of_request(req)->arena, known, known_count);
    bool *is_https = data;
    if (is_https && *is_https)
        req->is_https = true;
    int r = gateway_variables(req, &script, pass_authorization, note, &count);
    ck_assert_int_eq(r, stop_after && count >= stop_after ? 7 : 0);
    return gale_response_status(res, 200);
}

static void begin(void)
{
    struct gale_str none = STR("");
    script = (struct gateway_script){none, none, none, none, -1, NULL};
    pass_authorization = false;
    stop_after = 0;
    buffer_finish(&said);
}

/* Asks with these fields ("Name: value\n" each). */
static void ask(const char *method, const char *target, const char *fields)
{
    struct test_front front;
    test_front_init(&front, method, target);
    buffer_finish(&said);
    for (const char *at = fields; *at;) {
        const char *colon = strchr(at, ':'), *end = strchr(at, '\n');
        char name[64], value[256];
        snprintf(name, sizeof(name), "%.*s", (int)(colon - at), at);
        snprintf(value, sizeof(value), "%.*s", (int)(end - colon - 2), colon + 2);
        test_front_header(&front, name, value);
        at = end + 1;
    }
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    test_front_finish(&front);
}

static bool has(const char *line)
{
    char text[512];
    snprintf(text, sizeof(text), "%s\n", line);
    const char *found = strstr(said.at, text);
    return found && (found == said.at || found[-1] == '\n');
}

static bool has_name(const char *name)
{
    char text[128];
    snprintf(text, sizeof(text), "%s=", name);
    const char *found = strstr(said.at, text);
    return found && (found == said.at || found[-1] == '\n');
}

START_TEST(says_everything_in_order)
{
    begin();
    script.name = STR("/tools/a b");
    script.path_info = STR("/x");
    script.filename = STR("/srv/cgi/a b");
    script.document_root = STR("/srv/www");
    script.content_length = 3;
    ask("POST", "/tools/a%20b/x?y=%31&z", "Content-Length: 3\nContent-Type: text/plain\n");
    ck_assert_str_eq(said.at, "GATEWAY_INTERFACE=CGI/1.1\n"
                              "SERVER_SOFTWARE=gale/" GALE_VERSION "\n"
                              "SERVER_PROTOCOL=HTTP/1.1\n"
                              "SERVER_NAME=test\n"
                              "SERVER_ADDR=127.0.0.1\n"
                              "SERVER_PORT=80\n"
                              "REQUEST_SCHEME=http\n"
                              "REMOTE_ADDR=127.0.0.1\n"
                              "REQUEST_METHOD=POST\n"
                              "REQUEST_URI=/tools/a%20b/x?y=%31&z\n"
                              "QUERY_STRING=y=%31&z\n"
                              "SCRIPT_NAME=/tools/a b\n"
                              "PATH_INFO=/x\n"
                              "SCRIPT_FILENAME=/srv/cgi/a b\n"
                              "DOCUMENT_ROOT=/srv/www\n"
                              "PATH_TRANSLATED=/srv/www/x\n"
                              "CONTENT_TYPE=text/plain\n"
                              "CONTENT_LENGTH=3\n"
                              "REDIRECT_STATUS=200\n"
                              "HTTP_HOST=test\n");
    buffer_finish(&said);
}
END_TEST

START_TEST(leaves_out_what_is_not_there)
{
    static const char *const names[] = {
        "PATH_INFO",   "SCRIPT_FILENAME", "DOCUMENT_ROOT", "PATH_TRANSLATED", "CONTENT_TYPE",
        "REMOTE_USER", "CONTENT_LENGTH",  "HTTPS",         "REMOTE_PORT",     "AUTH_TYPE",
    };
    begin();
    ask("GET", "/", "");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_msg(!has_name(names[i]), "%s", names[i]);
    ck_assert(has("QUERY_STRING=") && has("SCRIPT_NAME="));
    script.content_length = 0;
    script.path_info = STR("/a\n");
    ask("GET", "/?", "");
    ck_assert(has("CONTENT_LENGTH=0") && has("PATH_INFO=/a\n") && !has_name("PATH_TRANSLATED"));
    script.document_root = STR("/srv");
    script.path_info = STR("/a/..b/c");
    ask("GET", "/", "");
    ck_assert(has("PATH_TRANSLATED=/srv/a/..b/c"));
    script.path_info = STR("/a/../../etc");
    ask("GET", "/", "");
    ck_assert(has("PATH_INFO=/a/../../etc") && !has_name("PATH_TRANSLATED"));
    buffer_finish(&said);
}
END_TEST

START_TEST(makes_variables_of_fields)
{
    begin();
    ask("GET", "/",
        "Accept: a\nX-One: 1\naccept: b\nCookie: x=1\nCOOKIE: y=2\nX-1-b: c\nAccept: c\n");
    ck_assert(has("HTTP_ACCEPT=a, b, c") && has("HTTP_COOKIE=x=1; y=2"));
    ck_assert(has("HTTP_X_ONE=1") && has("HTTP_X_1_B=c"));
    buffer_finish(&said);
}
END_TEST

START_TEST(keeps_back_what_programs_may_not_see)
{
    begin();
    ask("GET", "/",
        "Proxy: http://evil\nproxy: x\nConnection: close, x-hop\nTE: trailers\nKeep-Alive: 5\n"
        "Proxy-Authorization: Basic x\nAuthorization: Basic x\nX-Hop: 1\nUpgrade: h2c\n");
    ck_assert_str_eq(strstr(said.at, "HTTP_"), "HTTP_HOST=test\nHTTP_X_HOP=1\n");
    pass_authorization = true;
    ask("GET", "/", "Authorization: Basic x\n");
    ck_assert(has("HTTP_AUTHORIZATION=Basic x"));
    ask("POST", "/", "Content-Length: 0\nContent-Type: a/b\n");
    ck_assert(!has_name("HTTP_CONTENT_LENGTH") && !has_name("HTTP_CONTENT_TYPE"));
    ck_assert(has("CONTENT_TYPE=a/b"));
    buffer_finish(&said);
}
END_TEST

START_TEST(lets_no_field_pass_for_another)
{
    begin();
    ask("GET", "/", "X_Auth_User: evil\nX-Auth_User: evil\nX.Dot: 1\nX!: 2\nX-Real: good\n");
    ck_assert_str_eq(strstr(said.at, "HTTP_"), "HTTP_HOST=test\nHTTP_X_REAL=good\n");
    ask("GET", "/", "X_Real: evil\nX-Real: good\nX_Real: evil\n");
    ck_assert_str_eq(strstr(said.at, "HTTP_"), "HTTP_HOST=test\nHTTP_X_REAL=good\n");
    char field[600];
    memset(field, 'a', sizeof(field));
    struct test_front front;
    test_front_init(&front, "GET", "/");
    field[252] = 0; /* the longest name is 251: with HTTP_ it is 256 */
    test_front_header(&front, field, "long");
    test_front_header(&front, field + 1, "fits");
    buffer_finish(&said);
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    ck_assert(strstr(said.at, "=fits\n") && !strstr(said.at, "=long\n"));
    test_front_finish(&front);
    buffer_finish(&said);
}
END_TEST

START_TEST(says_what_others_know)
{
    static const struct http_header rows[] = {
        {STR("REMOTE_USER"), STR("proxy")}, {STR("VISITOR"), STR("ann")},
        {STR("REMOTE_USER"), STR("bob")},   {STR("HTTP_X_WHO"), STR("the one")},
        {STR("STAGE"), STR("said")},        {STR("EMPTY"), STR("")},
    };
    struct setting_pair pair = {.name = "STAGE", .value = "configured"};
    const struct setting_pairs more = {.items = &pair, .len = 1};
    begin();
    script.more = &more;
    known = rows;
    known_count = ARRAY_LEN(rows);
    ask("GET", "/", "X-Who: me\nREMOTE-USER: evil\nVisitor: evil\n");
    ck_assert(has("REMOTE_USER=bob") && has("VISITOR=ann") && has("HTTP_X_WHO=the one"));
    ck_assert(has("STAGE=configured") && !has("STAGE=said") && has("EMPTY="));
    ck_assert(!has("HTTP_X_WHO=me") && !has("REMOTE_USER=proxy") && has("HTTP_VISITOR=evil"));
    known_count = 0;
    script.name = (struct gale_str){0};
    ask("GET", "/", "");
    ck_assert(!has_name("SCRIPT_NAME") && !has_name("PATH_INFO"));
    buffer_finish(&said);
}
END_TEST

START_TEST(knows_where_the_client_called)
{
    begin();
    ask("GET", "http://Other.example:81/p?q", "");
    ck_assert(has("SERVER_NAME=other.example") && has("HTTP_HOST=Other.example:81"));
    ck_assert(has("REQUEST_URI=/p?q") && has("QUERY_STRING=q"));
    ask("GET", "/p?", "");
    ck_assert(has("REQUEST_URI=/p?"));

    struct test_front front;
    bool is_https = true;
    test_front_init(&front, "GET", "/");
    buffer_finish(&said);
    ck_assert_int_eq(test_front_serve(&front, serve, &is_https), 0);
    ck_assert(has("HTTPS=on") && has("REQUEST_SCHEME=https"));
    test_front_finish(&front);
    buffer_finish(&said);
}
END_TEST

START_TEST(the_configuration_has_the_last_word)
{
    struct setting_pair pairs[] = {{.name = "SERVER_NAME", .value = "mine"},
                                   {.name = "HTTP_ACCEPT", .value = "first"},
                                   {.name = "NEW", .value = "1"},
                                   {.name = "HTTP_ACCEPT", .value = "last"}};
    struct setting_pairs more = {pairs, ARRAY_LEN(pairs)};
    begin();
    script.more = &more;
    ask("GET", "/", "Accept: theirs\n");
    ck_assert_str_eq(strstr(said.at, "HTTP_HOST"),
                     "HTTP_HOST=test\nSERVER_NAME=mine\nNEW=1\nHTTP_ACCEPT=last\n");
    ck_assert(!has("SERVER_NAME=test") && !has("HTTP_ACCEPT=theirs"));
    buffer_finish(&said);
}
END_TEST

START_TEST(stops_when_told)
{
    begin();
    for (stop_after = 1; stop_after < 18; stop_after++) {
        ask("GET", "/", "Accept: a\n");
        size_t lines = 0;
        for (const char *at = said.at; (at = strchr(at, '\n')); at++)
            lines++;
        ck_assert_uint_le(lines, stop_after);
    }
    buffer_finish(&said);
}
END_TEST

UNIT_MAIN(says_everything_in_order, leaves_out_what_is_not_there, makes_variables_of_fields,
          keeps_back_what_programs_may_not_see, lets_no_field_pass_for_another,
          says_what_others_know, knows_where_the_client_called, the_configuration_has_the_last_word,
          stops_when_told)
