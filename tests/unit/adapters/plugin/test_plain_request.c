/* A plain request through server, router and plugin, access log and counters: it never calls malloc
 * once the connection is warm. */
#include "unit.h"

#include <gale/gale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "adapters/plugin/plugin.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fixtures.h"
#include "http/http_server.h"
#include "loop/ioloop.h"

/* The fixture's functions of gale come out of this program: the linker must keep them. */
extern void *const kept[];
void *const kept[] = {(void *)gale_request_read,   (void *)gale_response_write,
                      (void *)gale_response_puts,  (void *)gale_response_flush,
                      (void *)gale_reply,          (void *)gale_request_query,
                      (void *)gale_response_header};

static const struct adapter *const adapters[] = {&plugin_adapter, NULL};
static const char text[] = "[app tour]\nmount = /t\nplugin = tour.so\n";
static size_t mallocs;

/* ---- counting ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_HOOKS
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_HOOKS)
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *at, size_t size)
{
    (void)at;
    (void)size;
    mallocs++;
}

static void on_free(const volatile void *at)
{
    (void)at;
}

static void count_mallocs(void)
{
    (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

void *malloc(size_t size)
{
    mallocs++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    mallocs++;
    return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    mallocs++;
    return __libc_realloc(at, size);
}

static void count_mallocs(void)
{
    size_t before = mallocs;
    free(malloc(1));
    ck_assert_uint_gt(mallocs, before); /* nobody else's malloc is called */
}
#endif

/* ---- a server of one plugin, and a client ---- */

struct stage {
    struct arena arena;
    struct ioloop *loop;
    struct config *config;
    struct gale_app *apps;
    struct router router;
    struct access_log access_log;
    FILE *log;
    struct http_server server;
    int client;
};

static void open_apps(struct stage *stage)
{
    struct setting_errors errors = {.arena = &stage->arena};
    arena_init(&stage->arena, NULL, 0);
    log_set_level(LOG_LEVEL_ERROR);
    stage->config = config_parse(fixture("gale.ini"), str_of(text), adapters, &errors);
    ck_assert_msg(!errors.len, "%s", errors.len ? errors.items[0].text : "");
    ck_assert_msg(apps_open(stage->config, &stage->apps) == 0, "%s", apps_failure());
    router_init(&stage->router, stage->apps, stage->config->app_count);
}

static void open_stage(struct stage *stage)
{
    int pair[2];
    ck_assert_int_eq(ioloop_create(NULL, &stage->loop), 0);
    open_apps(stage);
    stage->log = tmpfile();
    access_log_init(&stage->access_log, fileno(stage->log), ACCESS_COMBINED);
    http_server_init(&stage->server, stage->loop, &stage->config->server.http, router_serve,
                     &stage->router);
    stage->server.access_log = &stage->access_log;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    http_server_accept(&stage->server, pair[0], &(struct peer){.family = AF_UNIX}, NULL);
    stage->client = pair[1];
}

static void close_stage(struct stage *stage)
{
    close(stage->client);
    while (stage->server.connection_count)
        ck_assert_int_eq(ioloop_turn(stage->loop, 1000), 0);
    (void)http_server_close(&stage->server);
    router_finish(&stage->router);
    apps_close(stage->apps, stage->config->app_count);
    access_log_finish(&stage->access_log);
    fclose(stage->log);
    ioloop_destroy(stage->loop);
    config_close(stage->config);
    arena_finish(&stage->arena);
}

/* Sends it and reads the answer; returns how often malloc was called meanwhile. Without Check's
 * assertions, which allocate. */
static size_t ask(struct stage *stage, const char *request, char *answer, size_t size)
{
    size_t before = mallocs;
    ssize_t n = send(stage->client, request, strlen(request), 0);
    if (n < 0 || ioloop_turn(stage->loop, 1000) < 0)
        return 1;
    log_sink_flush(&stage->access_log.sink);
    n = recv(stage->client, answer, size - 1, 0);
    answer[n > 0 ? n : 0] = 0;
    return mallocs - before;
}

START_TEST(calls_no_malloc)
{
    static const char *const requests[] = {
        "GET /t HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /t/a%20b?q=x+y HTTP/1.1\r\nHost: shop.example:8080\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        "Accept-Language: en-US,en;q=0.9\r\nReferer: http://shop.example/\r\n"
        "Connection: keep-alive\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n",
    };
    struct stage stage;
    char answer[1024];
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        (void)ask(&stage, requests[i], answer, sizeof(answer));
    count_mallocs();
    for (size_t i = 0; i < 100; i++) {
        size_t calls = ask(&stage, requests[i % ARRAY_LEN(requests)], answer, sizeof(answer));
        ck_assert_msg(strncmp(answer, "HTTP/1.1 203", 12) == 0, "%s", answer);
        ck_assert_uint_eq(calls, 0);
    }
    close_stage(&stage);
}
END_TEST

UNIT_MAIN(calls_no_malloc)
