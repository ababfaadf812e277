/* rollback.c - which release serves, which one before, and when to change that. */
#include "process/rollback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/json.h"
#include "process/master_private.h"
#include "process/release.h"

static const struct server_settings *settings_of(const struct master *master)
{
    return &master->front->live->config->server;
}

void rollback_finish(struct rollback *rollback)
{
    release_free(rollback->next);
    release_free(rollback->live);
    release_free(rollback->previous);
    release_free(rollback->refused);
    free(rollback->why);
    *rollback = (struct rollback){0};
}

/* ---- a reload's way ---- */

const struct release *rollback_source(const struct master *master)
{
    const struct rollback *rollback = &master->rollback;
    bool is_repeated = rollback->is_continued && rollback->live && rollback->live->source;
    return rollback->is_wanted ? rollback->previous : is_repeated ? rollback->live : NULL;
}

bool rollback_uses(const struct master *master, const struct copied *copied)
{
    const struct rollback *rollback = &master->rollback;
    return release_uses(rollback->next, copied) || release_uses(rollback->live, copied) ||
           release_uses(rollback->previous, copied) || release_uses(rollback->refused, copied);
}

const struct copied *rollback_refused(const struct master *master, const char *app)
{
    const struct release *refused = master->rollback.refused;
    return refused ? release_find_code(refused, app) : NULL;
}

void rollback_prepare(struct master *master, struct release *next)
{
    struct rollback *rollback = &master->rollback;
    release_free(rollback->next);
    next->source = rollback->is_wanted ? rollback->previous->number : 0;
    rollback->is_wanted = false;
    rollback->next = next;
}

void rollback_cancel(struct master *master)
{
    struct rollback *rollback = &master->rollback;
    bool is_back = rollback->next ? rollback->next->source != 0 : rollback->is_wanted;
    /* Whatever hinders it now hinders it the next time. */
    if (rollback->live && is_back)
        rollback->live->is_given_up = true;
    if (!rollback->next)
        rollback->is_wanted = false;
    rollback->is_continued = false;
    release_free(rollback->next);
    rollback->next = NULL;
}

/* One that had begun to crash when it was replaced is nothing to go back to, if there is another.
 */
static void retire(struct rollback *rollback, struct release *live,
                   const struct server_settings *server)
{
    int64_t now_ms = clock_mono_ms();
    bool is_doubtful = live->crashes && release_is_young(live, now_ms, server->probation_ms);
    if (is_doubtful && rollback->previous) {
        release_free(live);
        return;
    }
    live->was_failing =
        release_crashes(live, now_ms, server->probation_ms) >= (uint64_t)server->probation_crashes;
    release_free(rollback->previous);
    rollback->previous = live;
}

static void refuse(struct rollback *rollback, struct release *live)
{
    release_free(rollback->refused);
    rollback->refused = live;
    rollback->refused_ms = clock_mono_ms();
    rollback->to_number = rollback->next->source;
}

/* The same files again, or others. */
static char *judge_files(struct rollback *rollback)
{
    const struct release *refused = rollback->refused;
    if (refused && strcmp(refused->digest, rollback->live->digest) == 0) {
        log_warn("the files are the same that were rolled back, and are tried again as asked",
                 LOG_NUMBER("generation", (int64_t)rollback->live->number),
                 LOG_NUMBER("rolled_back", (int64_t)refused->number));
        return memory_printf("its files are those of generation %llu, which was rolled back",
                             (unsigned long long)refused->number);
    }
    release_free(rollback->refused);
    rollback->refused = NULL;
    return NULL;
}

static bool is_same(const struct release *a, const struct release *b)
{
    return a && b && strcmp(a->digest, b->digest) == 0;
}

/* Neither newer nor older: its workers are other ones. */
static void carry_on(struct rollback *rollback)
{
    release_continue(rollback->next, rollback->live);
    release_free(rollback->live);
    rollback->live = rollback->next;
    rollback->next = NULL;
    if (rollback->live->source)
        log_warn("what gale has gone back to serves on, not the files: a reload takes those",
                 LOG_NUMBER("generation", (int64_t)rollback->live->number),
                 LOG_NUMBER("as", (int64_t)rollback->live->source));
}

void rollback_continue(struct master *master)
{
    master->rollback.is_continued = true;
}

char *rollback_go(struct master *master)
{
    struct rollback *rollback = &master->rollback;
    struct release *before = rollback->live;
    if (!rollback->next)
        return NULL;
    bool is_continued = rollback->is_continued;
    rollback->is_continued = false;
    bool is_back = rollback->next->source != 0;
    if (is_continued && !is_back && is_same(before, rollback->next)) {
        carry_on(rollback);
        return NULL;
    }
    if (before && is_back)
        refuse(rollback, before);
    else if (before)
        retire(rollback, before, settings_of(master));
    rollback->live = rollback->next;
    rollback->next = NULL;
    rollback->live->live_ms = clock_mono_ms();
    if (!is_back)
        return judge_files(rollback);
    log_warn("gale has gone back to what served before",
             LOG_NUMBER("generation", (int64_t)rollback->live->number),
             LOG_NUMBER("as", (int64_t)rollback->live->source),
             LOG_NUMBER("rolled_back", (int64_t)rollback->refused->number));
    return memory_printf("it is generation %llu again", (unsigned long long)rollback->live->source);
}

/* ---- crashes ---- */

static const char *hindrance(const struct rollback *rollback, const struct server_settings *server)
{
    if (!server->rollback)
        return "rollback = no";
    if (rollback->live->source)
        return "it is one that gale has gone back to";
    if (!rollback->previous)
        return "there is none before it to go back to";
    if (strcmp(rollback->previous->digest, rollback->live->digest) == 0)
        return "the one before it was made of the same files";
    return rollback->previous->was_failing ? "the one before it crashed as often" : NULL;
}

static void explain(struct rollback *rollback, uint64_t crashes)
{
    int64_t ms = clock_mono_ms() - rollback->live->live_ms;
    free(rollback->why);
    rollback->why = memory_printf("%llu of its workers crashed within %lld.%lld s of its start",
                                  (unsigned long long)crashes, (long long)(ms / 1000),
                                  (long long)(ms % 1000 / 100));
}

static void act(struct master *master, uint64_t crashes)
{
    struct rollback *rollback = &master->rollback;
    const char *hindered_by = hindrance(rollback, settings_of(master));
    int64_t number = (int64_t)rollback->live->number;
    if (hindered_by) {
        rollback->live->is_given_up = true;
        log_error("a generation crashes again and again and is not rolled back",
                  LOG_NUMBER("generation", number), LOG_TEXT("since", hindered_by));
        return;
    }
    explain(rollback, crashes);
    log_error("a generation is rolled back", LOG_NUMBER("generation", number),
              LOG_NUMBER("to", (int64_t)rollback->previous->number),
              LOG_TEXT("why", rollback->why));
    rollback->is_wanted = true;
    reload_ask(master);
}

void rollback_look(struct master *master)
{
    const struct release *live = master->rollback.live;
    int64_t now_ms = clock_mono_ms();
    if (!live || master->dev || live->is_given_up || !master->front->live ||
        master->reloads.is_running || master->stop != MASTER_RUNS)
        return;
    const struct server_settings *server = settings_of(master);
    uint64_t crashes = release_crashes(live, now_ms, server->probation_ms);
    if (release_is_young(live, now_ms, server->probation_ms) &&
        crashes >= (uint64_t)server->probation_crashes)
        act(master, crashes);
}

void rollback_count(struct master *master, const struct generation *generation)
{
    struct release *live = master->rollback.live;
    if (!live || generation->number != live->number)
        return;
    release_count_crash(live, clock_mono_ms());
    rollback_look(master);
}

/* ---- by hand ---- */

int rollback_want(struct master *master, char **out_why)
{
    struct rollback *rollback = &master->rollback;
    if (!rollback->previous || !rollback->live) {
        *out_why = memory_printf("there is no generation before this one to go back to");
        return -ENOENT;
    }
    if (strcmp(rollback->previous->digest, rollback->live->digest) == 0) {
        *out_why = memory_printf("generation %llu is what generation %llu was: there is nothing "
                                 "else to go back to",
                                 (unsigned long long)rollback->live->number,
                                 (unsigned long long)rollback->previous->number);
        return -ENOENT;
    }
    rollback->is_wanted = true;
    free(rollback->why);
    rollback->why = memory_printf("somebody asked for it");
    log_warn("a generation is rolled back by hand",
             LOG_NUMBER("generation", (int64_t)rollback->live->number),
             LOG_NUMBER("to", (int64_t)rollback->previous->number));
    return 0;
}

void rollback_write(const struct master *master, struct json *json)
{
    const struct rollback *rollback = &master->rollback;
    json_open(json, "rollback", '{');
    json_number(json, "previous", rollback->previous ? (int64_t)rollback->previous->number : 0);
    json_number(json, "crashes", rollback->live ? (int64_t)rollback->live->crashes : 0);
    json_number(json, "from", rollback->refused ? (int64_t)rollback->refused->number : 0);
    if (rollback->refused) {
        json_number(json, "to", (int64_t)rollback->to_number);
        json_number(json, "age_ms", master_age_ms(rollback->refused_ms));
        json_text(json, "why", rollback->why);
    }
    json_close(json, '}');
}
