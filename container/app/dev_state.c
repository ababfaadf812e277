/* dev_state.c - texts that end with a zero, one behind the other: numbers in decimal.
 *
 *   build, count, the configuration's trouble, name, folder and text; then for each app: name,
 * stage, is_building, is_openable, trouble, ms, folder, command, text, and id, what, stack, words
 * of its crash */
#include "app/dev_state.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"

enum { APPS_MAX = 4096 };

/* ---- encoding ---- */

static void put_text(struct buffer *out, const char *text)
{
    text = text ? text : "";
    buffer_add(out, text, strlen(text) + 1);
}

static void put_number(struct buffer *out, uint64_t number)
{
    buffer_printf(out, "%llu", (unsigned long long)number);
    buffer_add(out, "", 1);
}

static void put_app(struct buffer *out, const struct dev_app *app)
{
    put_text(out, app->name);
    put_number(out, app->stage);
    put_number(out, app->is_building);
    put_number(out, app->is_openable);
    put_number(out, app->trouble);
    put_number(out, (uint64_t)(app->ms > 0 ? app->ms : 0));
    put_text(out, app->folder);
    put_text(out, app->command);
    put_text(out, app->text);
    put_text(out, app->crash.id);
    put_text(out, app->crash.what);
    put_text(out, app->crash.stack);
    put_text(out, app->crash.words);
}

struct gale_str dev_state_encode(const struct dev_state *state, struct arena *arena)
{
    struct buffer out = {0};
    put_number(&out, state->build);
    put_number(&out, state->count);
    put_number(&out, state->conf.trouble);
    put_text(&out, state->conf.name);
    put_text(&out, state->conf.folder);
    put_text(&out, state->conf.text);
    for (size_t i = 0; i < state->count; i++)
        put_app(&out, &state->apps[i]);
    struct gale_str text = arena_copy(arena, out.at, out.len);
    buffer_finish(&out);
    return text;
}

/* ---- decoding ---- */

struct reader {
    struct gale_str rest; /* at NULL: something was missing */
};

static const char *take_text(struct reader *reader)
{
    struct gale_str text = {0};
    if (reader->rest.at && str_find(reader->rest, 0)) {
        text = str_cut(&reader->rest, 0);
        return text.at;
    }
    reader->rest.at = NULL;
    return "";
}

static uint64_t take_number(struct reader *reader)
{
    uint64_t number = 0;
    if (str_to_u64(str_of(take_text(reader)), &number) < 0)
        reader->rest.at = NULL;
    return number;
}

static void take_app(struct reader *reader, struct dev_app *out)
{
    out->name = take_text(reader);
    out->stage = (enum dev_stage)take_number(reader);
    out->is_building = take_number(reader) != 0;
    out->is_openable = take_number(reader) != 0;
    out->trouble = take_number(reader);
    out->ms = (int64_t)take_number(reader);
    out->folder = take_text(reader);
    out->command = take_text(reader);
    out->text = take_text(reader);
    out->crash.id = take_text(reader);
    out->crash.what = take_text(reader);
    out->crash.stack = take_text(reader);
    out->crash.words = take_text(reader);
}

int dev_state_decode(struct gale_str text, struct arena *arena, struct dev_state *out)
{
    struct reader reader = {arena_copy(arena, text.at, text.len)};
    struct dev_state state = {.build = take_number(&reader), .count = take_number(&reader)};
    state.conf.trouble = take_number(&reader);
    state.conf.name = take_text(&reader);
    state.conf.folder = take_text(&reader);
    state.conf.text = take_text(&reader);
    if (!reader.rest.at || state.count > APPS_MAX)
        return -EINVAL;
    state.apps = arena_zalloc(arena, (state.count + 1) * sizeof(*state.apps));
    for (size_t i = 0; i < state.count; i++) {
        take_app(&reader, &state.apps[i]);
        if (!reader.rest.at || state.apps[i].stage > DEV_REFUSED)
            return -EINVAL;
    }
    *out = state;
    return 0;
}

/* ---- asking ---- */

const struct dev_app *dev_state_find(const struct dev_state *state, struct gale_str name)
{
    for (size_t i = 0; i < state->count; i++)
        if (str_equals(name, str_of(state->apps[i].name)))
            return &state->apps[i];
    return NULL;
}

bool dev_app_is_broken(const struct dev_app *app)
{
    return app->stage == DEV_BROKEN || app->stage == DEV_REFUSED;
}
