/* upgrade_read.c - one function for each record (upgrade_state.h), in a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/record.h"
#include "base/sealed.h"
#include "base/str.h"
#include "process/config_text.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/upgrade.h"
#include "process/upgrade_private.h"
#include "process/upgrade_state.h"
#include "process/worker_process.h"

static int fail(struct upgrade_reader *reader, int r, const char *what)
{
    if (!reader->error)
        reader->error = memory_copy(what, strlen(what));
    return r;
}

char *upgrade_copy(struct gale_str text)
{
    return memory_copy(text.at, text.len);
}

/* ---- the master ---- */

static int read_format(struct upgrade_reader *reader, const struct record *record)
{
    return record->numbers[0] == UPGRADE_FORMAT
               ? 0
               : fail(reader, -EPROTO,
                      "it keeps another kind of account of what is running; stop "
                      "this gale and start the new one");
}

/* Another version's board may look otherwise: then there is a new one, whose counters begin anew.
 */
static int read_master(struct upgrade_reader *reader, const struct record *record)
{
    struct master *master = reader->master;
    if (!master)
        return 0;
    master->last_number = (uint64_t)record->numbers[0];
    master->started_ms = record->numbers[1];
    master->board_fd = (int)record->numbers[2];
    master->upgrades = (unsigned)record->numbers[5] + !upgrade_came_back();
    master->live_number = (uint64_t)record->numbers[7];
    scoped_free char *path = upgrade_copy(record->text);
    control_restore(master, path, (uint64_t)record->numbers[4], (int)record->numbers[3]);
    if (board_attach(master->board_fd, BOARD_SLOTS, &master->board) == 0)
        return 0;
    close(master->board_fd);
    master->has_new_board = true;
    return board_create(&master->board, &master->board_fd);
}

static int read_pid_file(struct upgrade_reader *reader, const struct record *record)
{
    if (reader->master)
        reader->master->pid_file = upgrade_copy(record->text);
    return 0;
}

/* ---- what outlives generations ---- */

static int read_region(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *names = upgrade_copy(record->text);
    size_t app_len = strlen(names);
    if (app_len >= record->text.len)
        return -EBADMSG;
    if (reader->master)
        shared_regions_restore(&reader->master->shared, names, names + app_len + 1,
                               (size_t)record->numbers[0], (int)record->numbers[1]);
    return 0;
}

static int read_report(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *text = upgrade_copy(record->text);
    size_t app_len = strlen(text);
    const struct crash_report report = {.app = text,
                                        .count = (uint64_t)record->numbers[0],
                                        .died_ms = record->numbers[1],
                                        .since_ms = record->numbers[2],
                                        .members = text + app_len + 1};
    if (app_len >= record->text.len)
        return -EBADMSG;
    if (reader->master)
        crashes_restore(&reader->master->crashes, &report);
    return 0;
}

/* An address is complete with its last socket. */
static int read_address(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    free(reader->address.text);
    free(reader->sockets);
    reader->address = (struct listen_address){.text = upgrade_copy(record->text),
                                              .is_shared = n[0],
                                              .is_inherited = n[1],
                                              .count = (unsigned)n[2],
                                              .listening = (unsigned)n[3],
                                              .live = (unsigned)n[4],
                                              .target = (unsigned)n[5],
                                              .inode = (uint64_t)n[6]};
    reader->sockets = memory_zalloc((reader->address.count + 1) * sizeof(int));
    reader->socket_count = 0;
    return 0;
}

static int read_endpoint(struct upgrade_reader *reader, const struct record *record)
{
    struct endpoint *endpoint = &reader->address.endpoint;
    if (record->text.len > sizeof(endpoint->addr))
        return -EBADMSG;
    endpoint->len = (socklen_t)record->text.len;
    memcpy(&endpoint->addr, record->text.at, record->text.len);
    return 0;
}

static int read_socket(struct upgrade_reader *reader, const struct record *record)
{
    if (!reader->sockets || reader->socket_count >= reader->address.count)
        return -EBADMSG;
    reader->sockets[reader->socket_count++] = (int)record->numbers[0];
    if (reader->master && reader->socket_count == reader->address.count)
        listeners_restore(&reader->master->listeners, &reader->address, reader->sockets);
    return 0;
}

static int read_inherited(struct upgrade_reader *reader, const struct record *record)
{
    if (reader->master)
        listeners_restore_inherited(&reader->master->listeners, (int)record->numbers[0]);
    return 0;
}

/* ---- generations ---- */

static int read_group(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *name = upgrade_copy(record->text);
    if (reader->master)
        group_create(reader->master, name)->socket = (struct hidden_socket){
            .listen_fd = (int)record->numbers[0], .path_fd = (int)record->numbers[1]};
    return 0;
}

static int read_substance(struct upgrade_reader *reader, const struct record *record)
{
    if (reader->generation) {
        free(reader->generation->substance);
        reader->generation->substance = upgrade_copy(record->text);
    }
    return 0;
}

static int read_generation(struct upgrade_reader *reader, const struct record *record)
{
    reader->pending = *record;
    reader->generation = NULL;
    return 0;
}

/* As many as there are, whatever `auto` is now. */
static void set_workers(struct config *config, const struct group *group, int64_t workers)
{
    config->server.workers = workers;
    for (size_t i = 0; i < config->app_count && !group_is_front(group); i++)
        if (strcmp(config->apps[i].name, group->name) == 0)
            config->apps[i].isolation.workers = workers;
}

static int restore_generation(struct upgrade_reader *reader, struct config *config,
                              struct gale_str text)
{
    const int64_t *n = reader->pending.numbers;
    struct master *master = reader->master;
    scoped_free char *name = upgrade_copy(reader->pending.text);
    struct group *group = group_find(master, name);
    if (!group)
        return -EBADMSG;
    set_workers(config, group, n[2]);
    struct generation *generation = generation_create(group, config, -1);
    generation->number = (uint64_t)n[0];
    generation->started_ms = n[1];
    generation->state = (enum generation_state)n[3];
    list_append(&group->generations, &generation->link);
    if (n[4])
        group->live = generation;
    reader->generation = generation;
    scoped_free char *why = NULL;
    const char *access_log = generation->app ? "off" : config->server.access_log;
    if (log_files_open(&generation->logs, config->server.error_log, access_log, &why) < 0)
        log_error("a log cannot be opened", LOG_TEXT("why", why));
    generation->config_fd = sealed_make("gale-config", text);
    generation->code_fd = (int)n[5];
    return generation->config_fd < 0 ? generation->config_fd : 0;
}

/* What the old program could read, the new one must be able to, as workers may have to be replaced
 * before there is another generation. The copies of its plugins are looked at, not their files. */
static int read_config(struct upgrade_reader *reader, const struct record *record)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse(reader->path, record->text, reader->adapters, &errors);
    int r = errors.len && !reader->master ? -EINVAL : 0;
    if (r < 0)
        reader->error = setting_errors_text(&errors);
    if (r == 0 && reader->master)
        r = restore_generation(reader, config, record->text);
    else
        config_close(config);
    arena_finish(&arena);
    return r;
}

static int read_code_fd(struct upgrade_reader *reader, const struct record *record)
{
    if (reader->generation)
        generation_keep_fd(reader->generation, (int)record->numbers[0]);
    return 0;
}

static int read_worker(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    struct generation *generation = reader->generation;
    if (!generation)
        return 0;
    struct worker_process as = {
        .generation = generation,
        .place = (unsigned)n[0],
        .slot = (int)n[1],
        .pid = (pid_t)n[2],
        .channel = (int)n[3],
        .state = (enum worker_state)n[4],
        .restarts = (unsigned)n[5],
        .cut_ms = n[6],
        .serving_ms = n[7],
        .is_leaving = n[8],
        .has_passed = n[9],
        .pidfd = (int)n[10],
    };
    return as.place >= generation->size && !as.is_leaving ? -EBADMSG
                                                          : generation_resume_worker(&as);
}

/* ---- all of them ---- */

static const struct {
    const char *kind;
    upgrade_read_fn *read;
} kinds[] = {
    {"format", read_format},
    {"master", read_master},
    {"pid_file", read_pid_file},
    {"region", read_region},
    {"crash_report", read_report},
    {"copies", upgrade_read_copies},
    {"copied", upgrade_read_copied},
    {"copied_fd", upgrade_read_copied_fd},
    {"rollback", upgrade_read_rollback},
    {"release", upgrade_read_release},
    {"crash", upgrade_read_crash},
    {"release_code", upgrade_read_release_code},
    {"address", read_address},
    {"endpoint", read_endpoint},
    {"socket", read_socket},
    {"inherited", read_inherited},
    {"server_set", upgrade_read_server_set},
    {"server_text", upgrade_read_server_text},
    {"server_group", upgrade_read_server_group},
    {"server", upgrade_read_server},
    {"group", read_group},
    {"substance", read_substance},
    {"generation", read_generation},
    {"config", read_config},
    {"code", upgrade_read_code},
    {"server_use", upgrade_read_server_use},
    {"code_fd", read_code_fd},
    {"worker", read_worker},
};

static int read_record(struct upgrade_reader *reader, const struct record *record)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].kind, record->kind) == 0)
            return kinds[i].read(reader, record);
    return 0;
}

static int read_all(struct upgrade_reader *reader, struct gale_str text, char **out_error)
{
    struct record record;
    int r;
    while ((r = record_next(&text, &record)) == 1 && (r = read_record(reader, &record)) == 0)
        ;
    free(reader->address.text);
    free(reader->sockets);
    upgrade_end_servers(reader);
    if (r < 0)
        *out_error = reader->error
                         ? reader->error
                         : memory_printf("what it was left cannot be read: %s", strerror(-r));
    return r;
}

int upgrade_state_previous(struct gale_str text)
{
    struct record record;
    while (record_next(&text, &record) == 1)
        if (strcmp(record.kind, "master") == 0)
            return (int)record.numbers[6];
    return -1;
}

int upgrade_state_check(struct gale_str text, const struct adapter *const *adapters,
                        char **out_error)
{
    struct upgrade_reader reader = {.adapters = adapters, .path = "(what runs)"};
    return read_all(&reader, text, out_error);
}

int upgrade_state_read(struct master *master, struct gale_str text, char **out_error)
{
    struct upgrade_reader reader = {
        .master = master, .adapters = master->options->adapters, .path = master->options->path};
    return read_all(&reader, text, out_error);
}
