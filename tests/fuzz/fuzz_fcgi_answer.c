/* Any bytes of a FastCGI server: gale answers its client well-formed HTTP or cuts, and nothing of
 * the request stays.
 *
 * The first byte is a set of flags, the second says how many bytes come at a time. */
#include "backend.h"
#include "descriptors.h"

#include "adapters/fastcgi/fastcgi.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/arena.h"

enum { INPUT_MAX = 16 * 1024, IS_POST = 1, IS_BUFFERED = 2, IS_HEAD = 4, IS_KEPT = 8 };

struct site {
    struct arena arena;
    struct config *config;
    struct gale_app *apps;
    struct router router;
};

static void open_site(struct site *site, int path_fd, uint8_t flags)
{
    static const struct adapter *const adapters[] = {&fastcgi_adapter, NULL};
    char address[HIDDEN_SOCKET_TEXT];
    arena_init(&site->arena, NULL, 0);
    struct setting_errors errors = {.arena = &site->arena};
    struct gale_str text = arena_printf(
        &site->arena,
        "[app f]\nmount = /\nfastcgi = %s\nbuffer = %d\nkeep_alive = %d\nsendfile = /usr\n"
        "accel = /files /usr\n",
        hidden_socket_address(path_fd, address), flags & IS_BUFFERED ? 100000 : 0,
        flags & IS_KEPT ? 1 : 0);
    site->config = config_parse("/nowhere/gale.ini", text, adapters, &errors);
    assert(!errors.len);
    assert(apps_open(site->config, &site->apps) == 0);
    router_init(&site->router, site->apps, site->config->app_count);
}

static void close_site(struct site *site)
{
    apps_drain(site->apps, site->config->app_count);
    for (int turns = 0; task_count() && turns < WIRE_TURNS; turns++)
        ioloop_turn(wire_loop, 1);
    assert(task_count() == 0);
    router_finish(&site->router);
    apps_close(site->apps, site->config->app_count);
    config_close(site->config);
    arena_finish(&site->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    struct backend backend;
    struct site site;
    struct buffer heard = {0};
    if (size < 2 || size > INPUT_MAX)
        return 0;
    wire_begin();
    bool looks = inputs++ % 8 == 0;
    size_t before = looks ? descriptors_open() : 0;
    struct gale_str bytes = {(const char *)data + 2, size - 2};
    backend_open(&backend, bytes, 1 + (size_t)data[1] * 8 + size / 64, -1);
    open_site(&site, backend.hidden.path_fd, data[0]);
    struct gale_str request = data[0] & IS_POST ? STR("POST / HTTP/1.1\r\nHost: a\r\nConnection: "
                                                      "close\r\nContent-Length: 4\r\n\r\nbody")
                              : data[0] & IS_HEAD
                                  ? STR("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                                  : STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    backend_ask(&backend, request, router_serve, &site.router, &heard);
    wire_check_http(&heard, (data[0] & (IS_POST | IS_HEAD)) == IS_HEAD, NULL);
    close_site(&site);
    backend_close(&backend);
    assert(!looks || descriptors_open() == before);
    buffer_finish(&heard);
    return 0;
}
