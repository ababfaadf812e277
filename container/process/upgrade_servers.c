/* upgrade_servers.c - the servers of apps, and which generation uses which, as records
 * (upgrade_state.h). Their plans are written, too: only who knows what a process was started from
 * can tell whether the configuration still wants it. */
#include "process/upgrade_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/generation.h"
#include "process/master_private.h"
#include "process/server_set.h"

/* What a text of a plan is. */
enum { TEXT_PROGRAM, TEXT_FOLDER, TEXT_ARGUMENT, TEXT_VARIABLE };
enum { TEXTS_MAX = 1 << 20 };

/* ---- writing ---- */

static void put_text(struct upgrade_writer *writer, int64_t what, const char *text)
{
    record_add(writer->out, "server_text", str_of(text), &what, 1);
}

static size_t put_texts(struct upgrade_writer *writer, int64_t what, const char *const *texts)
{
    size_t count = 0;
    for (; texts[count]; count++)
        if (writer)
            put_text(writer, what, texts[count]);
    return count;
}

static size_t count_texts(const char *const *texts)
{
    return put_texts(NULL, 0, texts);
}

static void put_plan(struct upgrade_writer *writer, const struct server_plan *plan)
{
    put_text(writer, TEXT_PROGRAM, plan->servers.program);
    put_text(writer, TEXT_FOLDER, plan->servers.folder);
    (void)put_texts(writer, TEXT_ARGUMENT, plan->servers.argv);
    (void)put_texts(writer, TEXT_VARIABLE, plan->servers.envp);
    for (size_t i = 0; i < plan->group_count; i++)
        record_add(writer->out, "server_group", STR(""), (const int64_t[]){plan->groups[i]}, 1);
}

static void put_process(struct upgrade_writer *writer, const struct server_process *process)
{
    bool has_process = process->state == SERVER_RUNNING || process->state == SERVER_ENDING;
    const int64_t numbers[] = {process->place,
                               process->state,
                               has_process ? process->child.pid : 0,
                               has_process ? upgrade_keep(writer, process->child.pidfd) : -1,
                               has_process ? upgrade_keep(writer, process->output.fd) : -1,
                               process->started_ms,
                               process->restarts,
                               process->delay_ms,
                               process->backoff.delay_ms};
    struct buffer said = {0};
    server_output_save(&process->output, &said);
    record_add(writer->out, "server", buffer_str(&said), numbers, ARRAY_LEN(numbers));
    buffer_finish(&said);
}

static void put_set(struct upgrade_writer *writer, const struct server_set *set)
{
    const struct server_plan *plan = &set->plan;
    const int64_t numbers[] = {plan->servers.processes,
                               plan->servers.grace_ms,
                               plan->identity.is_changed,
                               plan->identity.uid,
                               plan->identity.gid,
                               (int64_t)plan->files,
                               upgrade_keep(writer, set->socket.listen_fd),
                               upgrade_keep(writer, set->socket.path_fd),
                               set->is_down,
                               set->is_ending,
                               (int64_t)count_texts(plan->servers.argv),
                               (int64_t)count_texts(plan->servers.envp)};
    record_add(writer->out, "server_set", str_of(plan->app), numbers, ARRAY_LEN(numbers));
    put_plan(writer, plan);
    for (int64_t i = 0; i < plan->servers.processes; i++)
        put_process(writer, &set->processes[i]);
}

void upgrade_put_servers(struct upgrade_writer *writer, const struct master *master)
{
    list_each (&master->servers.sets, link)
        put_set(writer, container_of(link, struct server_set, link));
}

struct uses {
    struct upgrade_writer *writer;
    const struct config *config;
};

static void put_use(void *data, size_t app, size_t number)
{
    const struct uses *uses = data;
    record_add(uses->writer->out, "server_use", str_of(uses->config->apps[app].name),
               (const int64_t[]){(int64_t)number}, 1);
}

void upgrade_put_uses(struct upgrade_writer *writer, const struct generation *generation)
{
    struct uses uses = {writer, generation->config};
    servers_each_use(&generation->master->servers, generation->config, put_use, &uses);
}

/* ---- reading a plan ---- */

void upgrade_end_servers(struct upgrade_reader *reader)
{
    if (reader->has_plan)
        server_plan_finish(&reader->plan);
    if (reader->servers)
        server_set_resumed(reader->servers, reader->master->has_new_board);
    reader->has_plan = false;
    reader->servers = NULL;
}

int upgrade_read_server_set(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    struct server_plan *plan = &reader->plan;
    upgrade_end_servers(reader);
    if (n[0] < 1 || n[0] > TEXTS_MAX || n[10] < 1 || n[10] > TEXTS_MAX || n[11] < 0 ||
        n[11] > TEXTS_MAX)
        return -EBADMSG;
    *plan = (struct server_plan){0};
    arena_init(&plan->arena, NULL, 0);
    plan->app = arena_copy(&plan->arena, record->text.at, record->text.len).at;
    reader->args_left = n[10];
    reader->variables_left = n[11];
    reader->args = arena_zalloc(&plan->arena, ((size_t)n[10] + 1) * sizeof(char *));
    reader->variables = arena_zalloc(&plan->arena, ((size_t)n[11] + 1) * sizeof(char *));
    plan->servers = (struct app_servers){.program = "",
                                         .argv = reader->args,
                                         .envp = reader->variables,
                                         .folder = "",
                                         .processes = n[0],
                                         .grace_ms = n[1]};
    plan->identity = (struct identity){.is_changed = n[2], .uid = (uid_t)n[3], .gid = (gid_t)n[4]};
    plan->files = (uint64_t)n[5];
    reader->set = *record;
    reader->has_plan = true;
    return 0;
}

static bool add_text(const char ***rest, int64_t *left, const char *text)
{
    if (*left <= 0)
        return false;
    *(*rest)++ = text;
    (*left)--;
    return true;
}

int upgrade_read_server_text(struct upgrade_reader *reader, const struct record *record)
{
    struct app_servers *servers = &reader->plan.servers;
    bool has_room = true;
    if (!reader->has_plan)
        return -EBADMSG;
    const char *text = arena_copy(&reader->plan.arena, record->text.at, record->text.len).at;
    if (record->numbers[0] == TEXT_PROGRAM)
        servers->program = text;
    else if (record->numbers[0] == TEXT_FOLDER)
        servers->folder = text;
    else if (record->numbers[0] == TEXT_ARGUMENT)
        has_room = add_text(&reader->args, &reader->args_left, text);
    else if (record->numbers[0] == TEXT_VARIABLE)
        has_room = add_text(&reader->variables, &reader->variables_left, text);
    return has_room ? 0 : -EBADMSG;
}

int upgrade_read_server_group(struct upgrade_reader *reader, const struct record *record)
{
    struct server_plan *plan = &reader->plan;
    if (!reader->has_plan || plan->group_count >= SERVER_GROUPS)
        return -EBADMSG;
    plan->groups[plan->group_count++] = (gid_t)record->numbers[0];
    return 0;
}

/* ---- reading processes ---- */

/* A set is there with its first process. */
static void begin_set(struct upgrade_reader *reader)
{
    const int64_t *n = reader->set.numbers;
    const struct hidden_socket socket = {.listen_fd = (int)n[6], .path_fd = (int)n[7]};
    reader->servers = servers_resume(&reader->master->servers, &reader->plan);
    reader->has_plan = false;
    server_set_resume(reader->servers, &socket, n[8], n[9]);
}

static void resume(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    struct server_process as = {.place = (unsigned)n[0],
                                .state = (enum server_state)n[1],
                                .output.fd = (int)n[4],
                                .started_ms = n[5],
                                .restarts = (unsigned)n[6],
                                .delay_ms = n[7],
                                .backoff.delay_ms = n[8]};
    child_process_resume(&as.child, (pid_t)n[2], (int)n[3]);
    server_set_resume_process(reader->servers, &as, record->text);
}

int upgrade_read_server(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    bool has_set = reader->has_plan || reader->servers;
    if (!has_set || n[0] < 0 || n[0] >= reader->set.numbers[0] || n[1] < 0 || n[1] > SERVER_GONE)
        return -EBADMSG;
    if (!reader->master)
        return 0;
    if (reader->has_plan)
        begin_set(reader);
    resume(reader, record);
    return 0;
}

int upgrade_read_server_use(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *app = upgrade_copy(record->text);
    if (!reader->generation)
        return 0;
    return servers_resume_use(&reader->master->servers, reader->generation->config, app,
                              (size_t)record->numbers[0]);
}
