/* Arguments and environments: from nothing, and never an argument from the network. */
#include "stage.h"

#include "adapters/cgi/cgi_environment.h"
#include "adapters/cgi/cgi_find.h"
#include "adapters/cgi/cgi_settings.h"

static struct cgi_settings settings;
static const char **passed;
static struct cgi_program program;
static struct buffer said;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    req->mount = STR("/c d");
    buffer_finish(&said);
    for (const char *const *at = cgi_environment(&settings, passed, &program, req, 7); *at; at++)
        buffer_printf(&said, "%s\n", *at);
    return gale_response_status(res, 200);
}

static void ask_here(const char *target)
{
    ask_begin("POST", target);
    test_front_header(&front, "X-A", "b");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    test_front_finish(&front);
}

static bool has(const char *line)
{
    const char *found = strstr(said.at, line);
    size_t len = strlen(line);
    return found && (found == said.at || found[-1] == '\n') && found[len] == '\n';
}

START_TEST(starts_from_nothing)
{
    const char *names[] = {"HOME", "NOT_SET", "LANG"};
    struct setting_pair pairs[] = {{.name = "LANG", .value = "mine"},
                                   {.name = "GREETING", .value = "hello you"}};
    setenv("HOME", "/h/x", 1);
    setenv("LANG", "theirs", 1);
    setenv("SECRET", "s", 1);
    unsetenv("NOT_SET");
    settings = (struct cgi_settings){.cgi = "/srv/cgi", .pass_env = {names, 3}, .env = {pairs, 2}};
    program = (struct cgi_program){
        .path = "/srv/cgi/x", .folder = "/srv/cgi", .name = STR("/x%2F"), .rest = STR("/a%2Fb\n")};
    passed = cgi_environment_pass(&settings);
    ck_assert_str_eq(passed[0], "HOME=/h/x");
    ck_assert_str_eq(passed[1], "LANG=theirs");
    ck_assert_ptr_null(passed[2]);
    ask_here("/q?a+b");
    ck_assert(has("HOME=/h/x") && has("LANG=mine") && has("GREETING=hello you"));
    ck_assert(!has("LANG=theirs") && !strstr(said.at, "SECRET"));
    ck_assert(has("SCRIPT_NAME=/c d/x/") && has("PATH_INFO=/a/b\n"));
    ck_assert(has("SCRIPT_FILENAME=/srv/cgi/x") && has("DOCUMENT_ROOT=/srv/cgi"));
    ck_assert(has("CONTENT_LENGTH=7") && has("HTTP_X_A=b") && has("QUERY_STRING=a+b"));
    free(passed);
    buffer_finish(&said);
}
END_TEST

START_TEST(has_a_document_root)
{
    settings = (struct cgi_settings){.cgi = "/srv/x", .root = "/srv/www"};
    program = (struct cgi_program){
        .path = "/srv/x", .folder = "/srv", .name = STR(""), .rest = STR("/i")};
    passed = cgi_environment_pass(&settings);
    ask_here("/");
    ck_assert(has("DOCUMENT_ROOT=/srv/www") && has("PATH_TRANSLATED=/srv/www/i"));
    ck_assert(has("SCRIPT_NAME=/c d"));
    settings.root = NULL;
    ask_here("/");
    ck_assert(has("DOCUMENT_ROOT=/srv"));
    free(passed);
    buffer_finish(&said);
}
END_TEST

START_TEST(takes_arguments_from_the_configuration)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    program = (struct cgi_program){.path = "/srv/a b"};
    const char *const *argv = cgi_arguments(&program, &arena);
    ck_assert_str_eq(argv[0], "/srv/a b");
    ck_assert_ptr_null(argv[1]);
    program.interpreter = "/usr/bin/perl  -w\t-T";
    argv = cgi_arguments(&program, &arena);
    ck_assert_str_eq(argv[0], "/usr/bin/perl");
    ck_assert_str_eq(argv[1], "-w");
    ck_assert_str_eq(argv[2], "-T");
    ck_assert_str_eq(argv[3], "/srv/a b");
    ck_assert_ptr_null(argv[4]);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(starts_from_nothing, has_a_document_root, takes_arguments_from_the_configuration)
