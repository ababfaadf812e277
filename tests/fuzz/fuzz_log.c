/* Any bytes of clients, apps and programs in the logs: each event is one line of text, JSON lines
 * are JSON, and nothing that was said ends a line or looks like another field.
 *
 * Lines: the target, the User-Agent, what an app or a program says. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/gateway/program_log.h"
#include "base/log.h"
#include "base/str.h"
#include "http/access_log.h"
#include "http/test_front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file = -1;
static char text[1 << 20];

/* What was logged since the last call: lines that are whole and hold no control byte. */
static size_t take_log(size_t *out_lines)
{
    ssize_t n = pread(file, text, sizeof(text) - 1, 0);
    assert(n >= 0 && n < (ssize_t)sizeof(text) - 1);
    text[n] = 0;
    assert(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
    *out_lines = 0;
    for (ssize_t i = 0; i < n; i++) {
        *out_lines += text[i] == '\n';
        assert(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 127));
    }
    assert(!n || text[n - 1] == '\n');
    return (size_t)n;
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    return gale_reply_str(res, 200, "text/plain", gale_request_path(req));
}

static void check_access(const char *target, const char *agent, enum access_format format)
{
    struct test_front front;
    struct access_log log;
    size_t lines;
    access_log_init(&log, file, format);
    test_front_init(&front, "GET", target);
    test_front_header(&front, "User-Agent", agent);
    if (test_front_serve(&front, serve, NULL) == 0) {
        access_log_write(&log, &front.exchange, front.status, 1234567);
        log_sink_flush(&log.sink);
        size_t n = take_log(&lines);
        assert(lines == 1);
        if (format == ACCESS_JSON) {
            json_t *line = json_loadb(text, n, 0, NULL);
            assert(line && json_is_object(line));
            json_decref(line);
        }
    }
    test_front_finish(&front);
    access_log_finish(&log);
}

static void check_error(struct gale_str said)
{
    size_t lines;
    log_warn("said", LOG_STR("text", said), LOG_NUMBER("n", 1));
    size_t n = take_log(&lines);
    bool is_whole = strstr(text, " n=1\n"), is_cut = n > 4000 && strstr(text, " cut=yes\n");
    assert(lines == 1 && strstr(text, "msg=said text=") && (is_whole || is_cut));
}

static void check_program(struct gale_str said)
{
    struct program_log log = {.app = "x"};
    struct program_lines program = {.log = &log, .program = "p", .id = STR("id")};
    size_t lines;
    program_lines_take(&program, said.at, said.len / 2);
    program_lines_take(&program, said.at + said.len / 2, said.len - said.len / 2);
    program_lines_end(&program);
    (void)take_log(&lines);
    /* Those of a flood are cut; how many are told of it depends on the clock. */
    assert(lines <= said.len + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str rest = {(const char *)data, size};
    if (size > 8192)
        return 0;
    if (file < 0) {
        file = memfd_create("log", MFD_CLOEXEC);
        log_set_fd(file);
    }
    struct gale_str line = str_cut(&rest, '\n');
    char *target = strndup(line.at, line.len);
    line = str_cut(&rest, '\n');
    char *agent = strndup(line.at ? line.at : "", line.len);
    for (enum access_format format = ACCESS_COMBINED; format <= ACCESS_SHORT; format++)
        check_access(target, agent, format);
    if (rest.at) {
        check_error(rest);
        check_program(rest);
    }
    free(target);
    free(agent);
    return 0;
}
