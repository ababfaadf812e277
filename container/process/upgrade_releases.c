/* upgrade_releases.c - copies of plugins, and the releases that gale may go back to, as records
 * (upgrade_state.h). A copy is named by its place among the copies. */
#include "process/upgrade_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/generation.h"
#include "process/master_private.h"
#include "process/release.h"

/* ---- copies ---- */

/* original, digest, root, path */
enum { TEXTS = 4 };

static void put_copied(struct upgrade_writer *writer, const struct copied *copied)
{
    const char *const texts[TEXTS] = {copied->original, copied->digest, copied->root, copied->path};
    struct buffer text = {0};
    for (size_t i = 0; i < TEXTS; i++)
        buffer_add(&text, texts[i], strlen(texts[i]) + 1);
    record_add(writer->out, "copied", buffer_str(&text), NULL, 0);
    buffer_finish(&text);
    for (size_t i = 0; i < copied->fd_count; i++)
        record_add(writer->out, "copied_fd", STR(""),
                   (const int64_t[]){upgrade_keep(writer, copied->fds[i])}, 1);
}

void upgrade_put_copies(struct upgrade_writer *writer, const struct copies *copies)
{
    const int64_t numbers[] = {upgrade_keep(writer, copies->lock)};
    if (copies->is_open)
        record_add(writer->out, "copies", str_of(copies->folder ? copies->folder : ""), numbers, 1);
    list_each (&copies->all, link)
        put_copied(writer, container_of(link, struct copied, link));
}

int upgrade_read_copies(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *folder = upgrade_copy(record->text);
    if (reader->master)
        copies_restore(&reader->master->copies, folder, (int)record->numbers[0]);
    return 0;
}

int upgrade_read_copied(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *text = upgrade_copy(record->text);
    char *texts[TEXTS];
    size_t at = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        if (at >= record->text.len)
            return -EBADMSG;
        texts[i] = text + at;
        at += strlen(texts[i]) + 1;
    }
    const struct copied as = {
        .original = texts[0], .digest = texts[1], .root = texts[2], .path = texts[3]};
    if (reader->master)
        reader->copied = copies_restore_one(&reader->master->copies, &as);
    return 0;
}

int upgrade_read_copied_fd(struct upgrade_reader *reader, const struct record *record)
{
    if (reader->copied)
        copies_restore_fd(reader->copied, (int)record->numbers[0]);
    return 0;
}

static int64_t number_of(const struct master *master, const struct copied *copied)
{
    int64_t number = 0;
    list_each (&master->copies.all, link) {
        if (container_of(link, struct copied, link) == copied)
            return number;
        number++;
    }
    return -1;
}

static const struct copied *find_copied(const struct master *master, int64_t number)
{
    list_each (&master->copies.all, link)
        if (number-- == 0)
            return container_of(link, struct copied, link);
    return NULL;
}

/* ---- which one an app of a generation has ---- */

void upgrade_put_code(struct upgrade_writer *writer, const struct generation *generation)
{
    const struct config *config = generation->config;
    for (size_t i = 0; i < config->app_count; i++)
        if (generation->copies[i])
            record_add(writer->out, "code", str_of(config->apps[i].name),
                       (const int64_t[]){number_of(generation->master, generation->copies[i])}, 1);
}

int upgrade_read_code(struct upgrade_reader *reader, const struct record *record)
{
    const struct generation *generation = reader->generation;
    if (!generation)
        return 0;
    const struct copied *copied = find_copied(reader->master, record->numbers[0]);
    for (size_t i = 0; i < generation->config->app_count; i++)
        if (str_equals(record->text, str_of(generation->config->apps[i].name)))
            generation->copies[i] = copied;
    return copied ? 0 : -EBADMSG;
}

/* ---- releases ---- */

enum { ROLE_LIVE, ROLE_PREVIOUS, ROLE_REFUSED };

static void put_crashes(struct upgrade_writer *writer, const struct release *release)
{
    for (uint64_t i = 0; i < RELEASE_CRASHES && i < release->crashes; i++)
        record_add(writer->out, "crash", STR(""),
                   (const int64_t[]){(int64_t)i, release->crashed_ms[i]}, 2);
}

static void put_release(struct upgrade_writer *writer, const struct master *master, int64_t role,
                        const struct release *release)
{
    if (!release)
        return;
    const int64_t numbers[] = {role,
                               (int64_t)release->number,
                               upgrade_keep(writer, release->text_fd),
                               release->live_ms,
                               (int64_t)release->source,
                               (int64_t)release->crashes,
                               release->was_failing,
                               release->is_given_up};
    record_add(writer->out, "release", str_of(release->digest), numbers, ARRAY_LEN(numbers));
    put_crashes(writer, release);
    for (size_t i = 0; i < release->code_count; i++)
        record_add(writer->out, "release_code", str_of(release->codes[i].app),
                   (const int64_t[]){number_of(master, release->codes[i].copied)}, 1);
}

void upgrade_put_releases(struct upgrade_writer *writer, const struct master *master)
{
    const struct rollback *rollback = &master->rollback;
    const int64_t numbers[] = {(int64_t)rollback->to_number, rollback->refused_ms};
    record_add(writer->out, "rollback", str_of(rollback->why ? rollback->why : ""), numbers,
               ARRAY_LEN(numbers));
    put_release(writer, master, ROLE_LIVE, rollback->live);
    put_release(writer, master, ROLE_PREVIOUS, rollback->previous);
    put_release(writer, master, ROLE_REFUSED, rollback->refused);
}

int upgrade_read_rollback(struct upgrade_reader *reader, const struct record *record)
{
    if (!reader->master)
        return 0;
    struct rollback *rollback = &reader->master->rollback;
    rollback->to_number = (uint64_t)record->numbers[0];
    rollback->refused_ms = record->numbers[1];
    free(rollback->why);
    rollback->why = record->text.len ? upgrade_copy(record->text) : NULL;
    return 0;
}

static struct release **place_of(struct rollback *rollback, int64_t role)
{
    struct release **const places[] = {&rollback->live, &rollback->previous, &rollback->refused};
    return role >= 0 && role < (int64_t)ARRAY_LEN(places) ? places[role] : NULL;
}

int upgrade_read_release(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    struct release as = {.number = (uint64_t)n[1],
                         .text_fd = (int)n[2],
                         .live_ms = n[3],
                         .source = (uint64_t)n[4],
                         .crashes = (uint64_t)n[5],
                         .was_failing = n[6],
                         .is_given_up = n[7]};
    if (record->text.len >= sizeof(as.digest) || n[5] < 0)
        return -EBADMSG;
    memcpy(as.digest, record->text.at, record->text.len);
    reader->release = NULL;
    struct release **place = reader->master ? place_of(&reader->master->rollback, n[0]) : NULL;
    if (!place) /* only looked at, or a part that a later version gives to one */
        return 0;
    release_free(*place);
    *place = reader->release = release_resume(&as);
    return 0;
}

int upgrade_read_crash(struct upgrade_reader *reader, const struct record *record)
{
    const int64_t *n = record->numbers;
    if (n[0] < 0 || n[0] >= RELEASE_CRASHES)
        return -EBADMSG;
    if (reader->release)
        reader->release->crashed_ms[n[0]] = n[1];
    return 0;
}

int upgrade_read_release_code(struct upgrade_reader *reader, const struct record *record)
{
    scoped_free char *app = upgrade_copy(record->text);
    if (!reader->release)
        return 0;
    const struct copied *copied = find_copied(reader->master, record->numbers[0]);
    if (copied)
        release_add_code(reader->release, app, copied);
    return copied ? 0 : -EBADMSG;
}
