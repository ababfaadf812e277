/* upgrade_write.c - one function for each record (upgrade_state.h). */
#include "process/upgrade_state.h"

#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/record.h"
#include "base/sealed.h"
#include "base/str.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/upgrade_private.h"
#include "process/worker_process.h"

int64_t upgrade_keep(struct upgrade_writer *writer, int fd)
{
    struct upgrade_fds *fds = writer->fds;
    if (fd <= STDERR_FILENO)
        return fd;
    fds->at = memory_realloc(fds->at, (fds->count + 1) * sizeof(int));
    fds->at[fds->count++] = fd;
    return fd;
}

static void put_master(struct upgrade_writer *writer, const struct master *master)
{
    const struct control *control = &master->control;
    const int64_t numbers[] = {
        (int64_t)master->last_number,
        master->started_ms,
        upgrade_keep(writer, master->board_fd),
        upgrade_keep(writer, control->fd),
        (int64_t)control->inode,
        master->upgrades,
        upgrade_keep(writer, master->previous_exe),
        (int64_t)master->live_number,
    };
    record_add(writer->out, "format", STR(""), (const int64_t[]){UPGRADE_FORMAT}, 1);
    record_add(writer->out, "master", str_of(control->path), numbers, ARRAY_LEN(numbers));
    if (master->pid_file)
        record_add(writer->out, "pid_file", str_of(master->pid_file), NULL, 0);
}

/* ---- what outlives generations ---- */

static void put_region(void *data, const char *app, const char *name, size_t size, int fd)
{
    struct upgrade_writer *writer = data;
    const int64_t numbers[] = {(int64_t)size, upgrade_keep(writer, fd)};
    struct buffer names = {0};
    buffer_add(&names, app, strlen(app) + 1);
    buffer_add(&names, name, strlen(name));
    record_add(writer->out, "region", buffer_str(&names), numbers, ARRAY_LEN(numbers));
    buffer_finish(&names);
}

static void put_address(struct upgrade_writer *writer, const struct listen_address *address)
{
    const int64_t numbers[] = {address->is_shared,      address->is_inherited, address->count,
                               address->listening,      address->live,         address->target,
                               (int64_t)address->inode, address->endpoint.len};
    struct gale_str endpoint = {(const char *)&address->endpoint.addr, address->endpoint.len};
    record_add(writer->out, "address", str_of(address->text), numbers, ARRAY_LEN(numbers));
    record_add(writer->out, "endpoint", endpoint, NULL, 0);
    for (unsigned i = 0; i < address->count; i++)
        record_add(writer->out, "socket", STR(""),
                   (const int64_t[]){upgrade_keep(writer, address->fds[i])}, 1);
}

static void put_listeners(struct upgrade_writer *writer, const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        put_address(writer, listeners->addresses[i]);
    for (size_t i = 0; i < listeners->inherited_count; i++)
        record_add(writer->out, "inherited", STR(""),
                   (const int64_t[]){upgrade_keep(writer, listeners->inherited[i])}, 1);
}

static void put_reports(struct upgrade_writer *writer, const struct crashes *crashes)
{
    list_each (&crashes->kept, link) {
        const struct crash_report *report = container_of(link, struct crash_report, link);
        const int64_t numbers[] = {(int64_t)report->count, report->died_ms, report->since_ms};
        struct buffer text = {0};
        buffer_add(&text, report->app, strlen(report->app) + 1);
        buffer_add_text(&text, report->members);
        record_add(writer->out, "crash_report", buffer_str(&text), numbers, ARRAY_LEN(numbers));
        buffer_finish(&text);
    }
}

/* ---- generations ---- */

static void put_config(struct upgrade_writer *writer, int fd)
{
    struct gale_str text;
    if (sealed_read(fd, &text) < 0)
        return;
    record_add(writer->out, "config", text, NULL, 0);
    free((char *)text.at);
}

static void put_worker(struct upgrade_writer *writer, const struct worker_process *worker)
{
    const int64_t numbers[] = {worker->place,
                               worker->slot,
                               worker->pid,
                               upgrade_keep(writer, worker->channel),
                               worker->state,
                               worker->restarts,
                               worker->cut_ms,
                               worker->serving_ms,
                               worker->is_leaving,
                               worker->has_passed,
                               upgrade_keep(writer, worker->pidfd)};
    record_add(writer->out, "worker", STR(""), numbers, ARRAY_LEN(numbers));
}

static void put_generation(struct upgrade_writer *writer, const struct generation *generation)
{
    const int64_t numbers[] = {(int64_t)generation->number,
                               generation->started_ms,
                               generation->size,
                               generation->state,
                               generation->group->live == generation,
                               upgrade_keep(writer, generation->code_fd)};
    record_add(writer->out, "generation", str_of(generation->group->name), numbers,
               ARRAY_LEN(numbers));
    put_config(writer, generation->config_fd);
    upgrade_put_code(writer, generation);
    upgrade_put_uses(writer, generation);
    if (generation->substance)
        record_add(writer->out, "substance", str_of(generation->substance), NULL, 0);
    for (size_t i = 0; i < generation->code_fd_count; i++)
        record_add(writer->out, "code_fd", STR(""),
                   (const int64_t[]){upgrade_keep(writer, generation->code_fds[i])}, 1);
    for (unsigned i = 0; i < generation->size; i++)
        put_worker(writer, &generation->workers[i]);
    list_each (&generation->leaving, link)
        put_worker(writer, container_of(link, struct worker_process, link));
}

static void put_group(struct upgrade_writer *writer, const struct group *group)
{
    const struct hidden_socket *socket = &group->socket;
    const int64_t numbers[] = {upgrade_keep(writer, socket->listen_fd),
                               upgrade_keep(writer, socket->path_fd)};
    if (!group_is_front(group))
        record_add(writer->out, "group", str_of(group->name), numbers, ARRAY_LEN(numbers));
    list_each (&group->generations, link)
        put_generation(writer, container_of(link, struct generation, link));
}

void upgrade_state_write(const struct master *master, struct buffer *out,
                         struct upgrade_fds *out_fds)
{
    struct upgrade_writer writer = {out, out_fds};
    put_master(&writer, master);
    shared_regions_each(&master->shared, put_region, &writer);
    put_reports(&writer, &master->crashes);
    upgrade_put_copies(&writer, &master->copies);
    upgrade_put_releases(&writer, master);
    put_listeners(&writer, &master->listeners);
    upgrade_put_servers(&writer, master);
    list_each (&master->groups, link)
        put_group(&writer, container_of(link, struct group, link));
}
