/* config_server.c - [server]: its keys, and what they must be together. */
#include "app/config_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/board.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/error_page.h"
#include "http/forwarded.h"
#include "net/endpoint.h"

/* Sizes and counts are read into fields of these types by the setting tables. */
static_assert(sizeof(size_t) == sizeof(uint64_t), "gale is for 64-bit systems");

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static int parse_auto(const char *value, int64_t max, void *field)
{
    uint64_t number = 0;
    bool is_auto = strcmp(value, "auto") == 0;
    if (!is_auto &&
        (str_to_u64(str_of(value), &number) < 0 || number < 1 || number > (uint64_t)max))
        return -EINVAL;
    *(int64_t *)field = (int64_t)number;
    return 0;
}

/* During a reload two generations have their slots of the board, and some more leave theirs. */
enum { WORKERS_MAX = 120 };
static_assert(2 * WORKERS_MAX < BOARD_SLOTS, "a reload finds slots for the new workers");

static int parse_workers(const char *value, void *field, struct arena *arena, char **out_error)
{
    (void)arena;
    *out_error = (char *)"'auto' (one for each CPU) or a number from 1 to 120";
    return parse_auto(value, WORKERS_MAX, field);
}

static int parse_descriptors(const char *value, void *field, struct arena *arena, char **out_error)
{
    (void)arena;
    *out_error = (char *)"'auto' (as many as the system allows) or a number from 64 to 10000000";
    int64_t number = 0;
    if (parse_auto(value, 10000000, &number) < 0 || (number && number < 64))
        return -EINVAL;
    *(int64_t *)field = number;
    return 0;
}

/* Octal, as chmod takes it. */
static int parse_mode(const char *value, void *field, struct arena *arena, char **out_error)
{
    (void)arena;
    *out_error = (char *)"an octal mode such as 0660 or 0666";
    size_t len = strspn(value, "01234567");
    if (len < 3 || len > 4 || value[len] || (len == 4 && value[0] != '0'))
        return -EINVAL;
    int64_t mode = 0;
    for (; *value; value++)
        mode = mode * 8 + (*value - '0');
    if (!(mode & 0200)) /* its owner, too, needs it to connect */
        return -EINVAL;
    *(int64_t *)field = mode;
    return 0;
}

static const char *const pollers[] = {"epoll", "poll", "select", NULL};
static const char *const access_formats[] = {"combined", "json", "short", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

/* clang-format off: one row a key reads best in two lines */
#define AT(field) .offset = offsetof(struct server_settings, field)
const struct setting server_table[] = {
    {"listen", SETTING_LIST, AT(listen), .initial = "127.0.0.1:8080",
     .example = "*:80 [::]:80 unix:/run/gale/web.sock",
     .help = "Where clients are accepted: ADDRESS:PORT or unix:PATH, several separated by blanks; "
             "fastcgi:// before it is for a web server in front that speaks FastCGI."},
    {"socket_mode", SETTING_COUNT, AT(socket_mode), .initial = "0660", .parse = parse_mode,
     .help = "Who may connect to unix sockets of `listen`, as chmod says it; they belong to the "
             "user and group of the workers."},
    {"workers", SETTING_COUNT, AT(workers), .initial = "auto", .parse = parse_workers,
     .help = "How many worker processes serve; auto is one for each CPU."},
    {"base", SETTING_PATH, AT(base), .example = "..",
     .help = "Where relative paths of the configuration start; without it the folder of the main "
             "file."},
    {"user", SETTING_TEXT, AT(user), .example = "www-data",
     .help = "Whom workers run as, when gale is started by root."},
    {"group", SETTING_TEXT, AT(group), .example = "www-data",
     .help = "The group of the workers; without it the user's own."},
    {"pid_file", SETTING_PATH, AT(pid_file), .example = "/run/gale.pid",
     .help = "A file that holds the master's process id while it runs."},
    {"control", SETTING_PATH, AT(control), .example = "/run/gale/control",
     .help = "The socket that gale reload, stop and status speak to; without it gale chooses one "
             "for this user and configuration."},
    {"state", SETTING_PATH, AT(state), .example = "/var/lib/gale",
     .help = "A folder of gale's own, on a file system without noexec, for the copies of plugins "
             "that run; without it gale takes systemd's StateDirectory, or its run folder."},
    {"drain_timeout", SETTING_MS, AT(drain_timeout_ms), .initial = "30s", .max = DAY_MS,
     .help = "How long workers that end may finish their requests."},
    {"start_timeout", SETTING_MS, AT(start_timeout_ms), .initial = "30s", .min = 100, .max = DAY_MS,
     .help = "How long a worker may take to open its apps; beyond it a reload is refused."},
    {"max_connections", SETTING_COUNT, AT(max_connections), .initial = "10000", .min = 1,
     .max = 10000000, .help = "Connections of clients at the same time, over all workers."},
    {"max_tasks", SETTING_COUNT, AT(max_tasks), .initial = "10000", .min = 1, .max = 1000000,
     .help =
         "Requests and background tasks at the same time, a worker; beyond it clients get a 503."},
    {"descriptors", SETTING_COUNT, AT(descriptors), .initial = "auto", .parse = parse_descriptors,
     .help = "How many descriptors a process may open (RLIMIT_NOFILE); auto is as many as the "
             "system allows."},
    {"backlog", SETTING_COUNT, AT(backlog), .initial = "1024", .min = 1, .max = 65535,
     .help = "Connections that may wait to be accepted, for each listener."},
    {"loop_warn", SETTING_MS, AT(loop_warn_ms), .initial = "500ms", .max = DAY_MS,
     .help = "A warning is logged when something holds a worker up for longer; 0s: never."},
    {"stuck_timeout", SETTING_MS, AT(stuck_timeout_ms), .initial = "30s", .max = DAY_MS,
     .help =
         "How long something may hold a worker up before its stack is logged and another worker "
         "takes its place; 0s: for ever."},
    {"max_requests", SETTING_COUNT, AT(max_requests), .initial = "0",
     .help = "A worker that has served so many requests is replaced by a fresh one, which nobody "
             "notices; 0: never."},
    {"max_memory", SETTING_SIZE, AT(max_memory), .initial = "0",
     .help = "A worker that holds more memory is replaced by a fresh one, which nobody notices; 0: "
             "never."},
    {"rollback", SETTING_FLAG, AT(rollback), .initial = "yes",
     .help = "Whether gale goes back by itself to what served before, when the workers of a new "
             "generation crash."},
    {"probation", SETTING_MS, AT(probation_ms), .initial = "60s", .min = 1000, .max = DAY_MS,
     .help = "How long after its start a generation may be rolled back."},
    {"probation_crashes", SETTING_COUNT, AT(probation_crashes), .initial = "3", .min = 1,
     .max = 100, .help = "How many crashes of its workers within that time are too many."},
    {"poller", SETTING_CHOICE, AT(poller), .initial = "epoll", .choices = pollers,
     .help = "How workers wait for events; poll and select are for comparing and for odd kernels."},
    {"offload_threads", SETTING_COUNT, AT(offload_threads), .initial = "8", .min = 1, .max = 1024,
     .help = "Threads for blocking work, a worker; started when they are needed."},
    {"offload_queue", SETTING_COUNT, AT(offload_queue), .initial = "1024", .min = 1, .max = 1000000,
     .help = "Blocking work that may wait for a thread, a worker."},
    {"idle_timeout", SETTING_MS, AT(http.idle_timeout_ms), .initial = "75s", .min = 1,
     .max = DAY_MS, .help = "How long a connection may rest between two requests."},
    {"head_timeout", SETTING_MS, AT(http.head_timeout_ms), .initial = "10s", .min = 1,
     .max = DAY_MS,
     .help = "How long a client may take to send the head of a request; beyond it 408."},
    {"body_timeout", SETTING_MS, AT(http.body_timeout_ms), .initial = "60s", .min = 1,
     .max = DAY_MS, .help = "How long a request's body may make no progress; beyond it 408."},
    {"write_timeout", SETTING_MS, AT(http.write_timeout_ms), .initial = "60s", .min = 1,
     .max = DAY_MS, .help = "How long a client may take nothing of its response before it is cut."},
    {"max_target", SETTING_SIZE, AT(http.limits.max_target), .initial = "8K", .min = 64,
     .max = 1 << 20, .help = "The longest request target; beyond it 414."},
    {"max_head", SETTING_SIZE, AT(http.limits.max_head), .initial = "32K", .min = 256,
     .max = 1 << 20,
     .help = "The longest head of a request, its request line included; beyond it 431."},
    {"max_headers", SETTING_COUNT, AT(http.limits.max_headers), .initial = "100", .min = 1,
     .max = 10000, .help = "The most header fields of a request; beyond it 431."},
    {"max_body", SETTING_SIZE, AT(http.max_body), .initial = "16M",
     .help = "The longest body of a request; beyond it 413. An app may set its own."},
    {"form_memory", SETTING_SIZE, AT(http.form_memory), .initial = "64K",
     .help = "Uploaded files above this size go to a temporary file. An app may set its own."},
    {"trusted_proxies", SETTING_LIST, AT(trusted_proxies), .example = "127.0.0.1 10.0.0.0/8 unix",
     .help = "Whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    {"limit_connections", SETTING_COUNT, AT(limit_connections), .initial = "0", .max = 65535,
     .help = "Connections that one client may have at the same time, over all workers; beyond it "
             "429. A client is an IPv4 address or an IPv6 /64; 0: no limit."},
    {"limit_rate", SETTING_RATE, AT(rate), .initial = "off",
     .help =
         "How many requests one client may send, over all workers, and how many of them at once "
         "(10/s burst 30; without burst as many as the first number); beyond it 429. An app "
         "may set its own."},
    {"limit_except", SETTING_LIST, AT(limit_except), .example = "192.0.2.0/24 2001:db8::/32",
     .help = "Networks whose clients are not limited by the two; trusted_proxies never are."},
    {"access_log", SETTING_TEXT, AT(access_log), .initial = "-",
     .help = "A file with a line for each request; - is standard output, off is none."},
    {"access_log_format", SETTING_CHOICE, AT(access_log_format), .initial = "combined",
     .choices = access_formats,
     .help = "Lines of the access log: as web servers have always written them, JSON, or short."},
    {"error_log", SETTING_TEXT, AT(error_log), .initial = "-",
     .help = "A file for everything else that gale has to say; - is standard error."},
    {"log_level", SETTING_CHOICE, AT(log_level), .initial = "info", .choices = levels,
     .help = "What the error log holds: lines of this level and more serious ones."},
    {"error_page", SETTING_PAIRS, AT(error_pages), .example = "404 errors/404.html",
     .help = "A file that is sent as the page of an error status, 400 to 599; may be repeated."},
    {.key = NULL},
};
#undef AT
/* clang-format on */

/* ---- what a table cannot say ---- */

/* Whether somebody took a comma for what separates; in a path it may stand, but hardly at its
 * end. */
static bool refuse_comma(struct config_reader *reader, const struct config_key *key,
                         const char *text, const char *what)
{
    const char *comma = strchr(text, ',');
    if (!comma || (strncmp(text, "unix:", 5) == 0 && !str_ends_with(str_of(text), STR(","))))
        return false;
    setting_errors_add(reader->errors, key->file, key->line,
                       "%s: '%s' has a comma in it; %s are separated by blanks", key->key, text,
                       what);
    return true;
}

bool config_listen_is_fastcgi(struct gale_str *text)
{
    static const struct gale_str prefix = STR("fastcgi://");
    if (!str_starts_with(*text, prefix))
        return false;
    *text = (struct gale_str){text->at + prefix.len, text->len - prefix.len};
    return true;
}

static void check_listen_one(struct config_reader *reader, const struct config_key *key,
                             const char *text)
{
    struct endpoint endpoint;
    struct gale_str address = str_of(text);
    uint64_t port;
    bool is_fastcgi = config_listen_is_fastcgi(&address);
    if (refuse_comma(reader, key, text, "addresses"))
        return;
    int r = endpoint_parse(address, &endpoint);
    if (r == 0 || (r == -ENOENT && !is_fastcgi)) /* a host name: asked for when it is bound */
        return;
    if (is_fastcgi) {
        setting_errors_add(reader->errors, key->file, key->line,
                           "listen: '%s' is no address; expected fastcgi://ADDRESS:PORT such as "
                           "fastcgi://127.0.0.1:9001, or fastcgi://unix:PATH",
                           text);
        return;
    }
    if (strstr(text, "://"))
        setting_errors_add(
            reader->errors, key->file, key->line,
            "listen: '%s' is no address; gale speaks HTTP without a scheme in front, "
            "and fastcgi://",
            text);
    else if (str_to_u64(str_of(text), &port) == 0)
        setting_errors_add(reader->errors, key->file, key->line,
                           "listen: '%s' is no address; for port %s write *:%s or 127.0.0.1:%s",
                           text, text, text, text);
    else
        setting_errors_add(reader->errors, key->file, key->line,
                           "listen: '%s' is no address; expected ADDRESS:PORT such as "
                           "127.0.0.1:8080, *:80 or [::1]:8080, or unix:PATH",
                           text);
}

/* The same address twice can never be bound; `index` counts the addresses read so far. */
static void check_listen_twice(struct config_reader *reader, const struct config_key *key,
                               size_t index)
{
    const struct setting_list *listen = &reader->config->server.listen;
    for (size_t i = 0; i < index && index < listen->len; i++)
        if (strcmp(listen->items[i], listen->items[index]) == 0)
            setting_errors_add(reader->errors, key->file, key->line, "listen: %s is given twice",
                               listen->items[i]);
}

static void check_listen_word(struct config_reader *reader, const struct config_key *key,
                              const char *text, size_t index)
{
    struct config *config = reader->config;
    if (!config->listen_places)
        config->listen_places = arena_zalloc(&config->arena, (config->server.listen.len + 1) *
                                                                 sizeof(*config->listen_places));
    if (index < config->server.listen.len)
        config->listen_places[index] = (struct config_place){key->file, key->line};
    check_listen_one(reader, key, text);
    check_listen_twice(reader, key, index);
}

static void check_network_word(struct config_reader *reader, const struct config_key *key,
                               const char *text, size_t index)
{
    struct forwarded_network network;
    (void)index;
    if (refuse_comma(reader, key, text, "networks"))
        return;
    if (forwarded_network_parse(str_of(text), &network) < 0)
        setting_errors_add(reader->errors, key->file, key->line,
                           "%s: '%s' is no network; expected addresses such as 10.0.0.0/8, ::1 or "
                           "unix",
                           key->key, text);
}

typedef void word_fn(struct config_reader *reader, const struct config_key *key, const char *text,
                     size_t index);

/* Calls fn for each word of a key's values, where it stands: a list does not remember its lines.
 * Returns their number. */
static size_t each_word(struct config_reader *reader, const struct config_section *section,
                        const char *name, word_fn *fn)
{
    static const char blanks[] = " \t";
    size_t index = 0;
    for (size_t i = 0; i < section->count; i++) {
        const struct config_key *key = &section->keys[i];
        const char *at = strcmp(key->key, name) == 0 ? key->value : "";
        for (at += strspn(at, blanks); *at; at += strspn(at, blanks)) {
            size_t len = strcspn(at, blanks);
            fn(reader, key, arena_copy(&reader->config->arena, at, len).at, index++);
            at += len;
        }
    }
    return index;
}

static void check_lists(struct config_reader *reader, const struct config_section *section)
{
    const struct config_key *listen = config_find_key(section, "listen");
    if (!each_word(reader, section, "listen", check_listen_word) && listen)
        setting_errors_add(reader->errors, listen->file, listen->line,
                           "listen: the value is missing; expected an address such as *:80");
    (void)each_word(reader, section, "trusted_proxies", check_network_word);
    (void)each_word(reader, section, "limit_except", check_network_word);
}

static void check_error_pages(struct config_reader *reader)
{
    const struct setting_pairs *pages = &reader->config->server.error_pages;
    struct error_pages opened;
    (void)error_pages_open(&opened, pages, reader->config->base, reader->errors);
    error_pages_close(&opened);
    for (size_t i = 0; i < pages->len; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(pages->items[j].name, pages->items[i].name) == 0)
                setting_errors_add(reader->errors, pages->items[i].file, pages->items[i].line,
                                   "error_page: %s has a page already, on line %u",
                                   pages->items[i].name, pages->items[j].line);
}

static const char *log_path(struct config *config, const char *text)
{
    bool is_word = strcmp(text, "-") == 0 || strcmp(text, "off") == 0;
    return is_word ? text : config_join(&config->arena, config->base, text);
}

void config_read_server(struct config_reader *reader, const struct config_section *section)
{
    struct config *config = reader->config;
    struct server_settings *server = &config->server;
    const struct config_target targets[] = {{server_table, server}, {NULL, NULL}};
    setting_init(server_table, server, &config->arena, config->base);
    if (section) {
        config_set_keys(reader, section, targets);
        check_lists(reader, section);
        if (!reader->base)
            check_error_pages(reader);
    }
    server->base = config->base;
    server->access_log = log_path(config, server->access_log);
    server->error_log = log_path(config, server->error_log);
}
