/* Any bytes of an isolated app's worker, which runs code of others: its front answers well-formed
 * HTTP or cuts, and nothing of the request stays.
 *
 * The first byte is a set of flags, the second says how many bytes come at a time. */
#include "backend.h"
#include "descriptors.h"

#include <gale/plugin.h>
#include <sys/mman.h>
#include "adapters/link/link.h"
#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"

enum { INPUT_MAX = 16 * 1024, IS_POST = 1, HAS_FILE = 2, IS_HEAD = 4 };

static int file_of_letters(void)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    assert(write(fd, "abcdefghijklmnopqrstuvwxyz", 26) == 26);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    char address[HIDDEN_SOCKET_TEXT];
    static unsigned inputs;
    struct backend backend;
    struct buffer heard = {0};
    if (size < 2 || size > INPUT_MAX)
        return 0;
    wire_begin();
    file = file < 0 ? file_of_letters() : file;
    bool looks = inputs++ % 8 == 0;
    size_t before = looks ? descriptors_open() : 0;
    struct gale_str bytes = {(const char *)data + 2, size - 2};
    backend_open(&backend, bytes, 1 + (size_t)data[1] * 8 + size / 64,
                 data[0] & HAS_FILE ? file : -1);
    struct link_settings settings = {
        .address = hidden_socket_address(backend.hidden.path_fd, address), .queue_timeout_ms = 20};
    struct app_config config = {.name = "x",
                                .file = "x",
                                .has_mount = true,
                                .host = STR(""),
                                .prefix = STR(""),
                                .adapter = &link_adapter,
                                .settings = &settings,
                                .limits = {.max_body = 1000,
                                           .form_memory = 1000,
                                           .body_timeout_ms = 1000,
                                           .write_timeout_ms = 1000}};
    struct gale_app app = {.config = &config, .adapter = &link_adapter};
    struct router router;
    assert(link_adapter.open(&app) == 0);
    router_init(&router, &app, 1);
    struct gale_str request = data[0] & IS_POST ? STR("POST / HTTP/1.1\r\nHost: a\r\nConnection: "
                                                      "close\r\nContent-Length: 4\r\n\r\nbody")
                              : data[0] & IS_HEAD
                                  ? STR("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                                  : STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    backend_ask(&backend, request, router_serve, &router, &heard);
    wire_check_http(&heard, (data[0] & (IS_POST | IS_HEAD)) == IS_HEAD, NULL);
    app.is_draining = true;
    link_adapter.drain(&app);
    link_adapter.close(&app);
    router_finish(&router);
    backend_close(&backend);
    assert(task_count() == 0);
    assert(!looks || descriptors_open() == before);
    buffer_finish(&heard);
    return 0;
}
