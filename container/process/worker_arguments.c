/* worker_arguments.c - one table of numbers, written and read. */
#include "process/worker_arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define AT(field) offsetof(struct worker_arguments, field)
static const struct {
    const char *key;
    size_t offset; /* of an int or unsigned */
} numbers[] = {
    {"place", AT(place)},           {"slot", AT(slot)},       {"channel", AT(channel)},
    {"config", AT(config)},         {"board", AT(board)},     {"error_log", AT(error_log)},
    {"access_log", AT(access_log)}, {"first", AT(is_first)},  {"code", AT(code)},
    {"dev_state", AT(dev_state)},   {"dev_log", AT(dev_log)}, {"again", AT(is_again)},
};
#undef AT

static int *number_at(const struct worker_arguments *arguments, size_t index)
{
    return (int *)((char *)arguments + numbers[index].offset);
}

char **worker_arguments_print(const struct worker_arguments *arguments, struct arena *arena)
{
    size_t n = 0, most = ARRAY_LEN(numbers) + arguments->socket_count + arguments->server_count +
                         arguments->link_count + 8;
    char **argv = arena_zalloc(arena, most * sizeof(*argv));
    argv[n++] = (char *)"gale";
    argv[n++] = (char *)"worker";
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        argv[n++] =
            (char *)arena_printf(arena, "%s=%d", numbers[i].key, *number_at(arguments, i)).at;
    argv[n++] =
        (char *)arena_printf(arena, "generation=%llu", (unsigned long long)arguments->generation)
            .at;
    for (size_t i = 0; i < arguments->socket_count; i++)
        argv[n++] = (char *)arena_printf(arena, "socket=%d:%d", arguments->sockets[i].fd,
                                         arguments->sockets[i].place)
                        .at;
    for (size_t i = 0; i < arguments->server_count; i++)
        argv[n++] = (char *)arena_printf(arena, "server=%d:%d", arguments->servers[i].fd,
                                         arguments->servers[i].app)
                        .at;
    argv[n++] = (char *)arena_printf(arena, "base=%s", arguments->base).at;
    for (size_t i = 0; i < arguments->link_count; i++)
        argv[n++] = (char *)arena_printf(arena, "link=%d:%s", arguments->links[i].door,
                                         arguments->links[i].app)
                        .at;
    if (arguments->group)
        argv[n++] = (char *)arena_printf(arena, "group=%s", arguments->group).at;
    argv[n++] = (char *)arena_printf(arena, "path=%s", arguments->path).at;
    return argv;
}

static int parse_int(const char *text, char **out_end, int *out_number)
{
    errno = 0;
    long number = strtol(text, out_end, 10);
    if (*out_end == text || errno || number < -1 || number > INT32_MAX)
        return -EINVAL;
    *out_number = (int)number;
    return 0;
}

/* FD:NUMBER */
static int parse_fd(const char *text, int *out_fd, int *out_number)
{
    char *end;
    if (parse_int(text, &end, out_fd) < 0 || *end != ':')
        return -EINVAL;
    return parse_int(end + 1, &end, out_number) < 0 || *end ? -EINVAL : 0;
}

static int parse_socket(const char *text, struct worker_arguments *arguments)
{
    struct worker_socket *socket = &arguments->sockets[arguments->socket_count++];
    return parse_fd(text, &socket->fd, &socket->place);
}

static int parse_server(const char *text, struct worker_arguments *arguments)
{
    struct worker_server *server = &arguments->servers[arguments->server_count++];
    return parse_fd(text, &server->fd, &server->app);
}

static int parse_link(const char *text, struct worker_arguments *arguments)
{
    struct worker_link *link = &arguments->links[arguments->link_count++];
    char *end;
    if (parse_int(text, &end, &link->door) < 0 || *end != ':')
        return -EINVAL;
    link->app = end + 1;
    return 0;
}

static int parse_one(struct gale_str key, const char *value, struct worker_arguments *arguments)
{
    char *end;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (str_equals(key, str_of(numbers[i].key)))
            return parse_int(value, &end, number_at(arguments, i)) < 0 || *end ? -EINVAL : 0;
    if (str_equals(key, STR("generation")))
        return str_to_u64(str_of(value), &arguments->generation);
    if (str_equals(key, STR("socket")))
        return parse_socket(value, arguments);
    if (str_equals(key, STR("server")))
        return parse_server(value, arguments);
    if (str_equals(key, STR("link")))
        return parse_link(value, arguments);
    if (str_equals(key, STR("group")))
        arguments->group = value;
    else if (str_equals(key, STR("base")))
        arguments->base = value;
    else if (str_equals(key, STR("path")))
        arguments->path = value;
    else
        return -EINVAL;
    return 0;
}

int worker_arguments_parse(int argc, char **argv, struct arena *arena,
                           struct worker_arguments *out_arguments)
{
    struct worker_arguments arguments = {.channel = -1,
                                         .config = -1,
                                         .board = -1,
                                         .code = -1,
                                         .error_log = -1,
                                         .access_log = -1,
                                         .dev_state = -1,
                                         .dev_log = -1};
    arguments.sockets = arena_zalloc(arena, (size_t)(argc + 1) * sizeof(*arguments.sockets));
    arguments.servers = arena_zalloc(arena, (size_t)(argc + 1) * sizeof(*arguments.servers));
    arguments.links = arena_zalloc(arena, (size_t)(argc + 1) * sizeof(*arguments.links));
    for (int i = 2; i < argc; i++) {
        struct gale_str rest = str_of(argv[i]);
        struct gale_str key = str_cut(&rest, '=');
        if (!rest.at || parse_one(key, rest.at, &arguments) < 0)
            return -EINVAL;
    }
    if (arguments.channel < 0 || arguments.config < 0 || arguments.board < 0 || !arguments.path ||
        !arguments.base)
        return -EINVAL;
    *out_arguments = arguments;
    return 0;
}

void worker_arguments_each_fd(const struct worker_arguments *arguments,
                              void (*fn)(void *data, int fd), void *data)
{
    const int fixed[] = {arguments->channel,   arguments->config,     arguments->board,
                         arguments->error_log, arguments->access_log, arguments->code,
                         arguments->dev_state, arguments->dev_log};
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (fixed[i] > STDERR_FILENO)
            fn(data, fixed[i]);
    for (size_t i = 0; i < arguments->socket_count; i++)
        fn(data, arguments->sockets[i].fd);
    for (size_t i = 0; i < arguments->server_count; i++)
        fn(data, arguments->servers[i].fd);
    for (size_t i = 0; i < arguments->code_fd_count; i++)
        fn(data, arguments->code_fds[i]);
    for (size_t i = 0; i < arguments->link_count; i++)
        fn(data, arguments->links[i].door);
}
