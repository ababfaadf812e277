/* setting.c - finding the row of a key, setting its field, and saying what is wrong. */
#include "base/setting.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/setting_parse.h"
#include "base/str.h"

enum { SHOWN_BYTES = 60, LONGEST_KEY = 63, MOST_EDITS = 2, KEYS_COLUMNS = 80 };

struct setting_mark {
    const void *field;
    const struct setting *row;
    const char *file;
    unsigned line;
    struct setting_mark *next;
};

/* ---- errors ---- */

void setting_errors_add(struct setting_errors *errors, const char *file, unsigned line,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(errors->arena, format, args).at;
    va_end(args);
    errors->items = setting_grow(errors->arena, errors->items, errors->len, sizeof(*errors->items));
    errors->items[errors->len++] = (struct setting_error){file, line, text};
}

void setting_errors_sort(struct setting_errors *errors)
{
    for (size_t i = 1; i < errors->len; i++) {
        struct setting_error error = errors->items[i];
        size_t at = i;
        for (; at > 0 && strcmp(errors->items[at - 1].file, error.file) == 0 &&
               errors->items[at - 1].line > error.line;
             at--)
            errors->items[at] = errors->items[at - 1];
        errors->items[at] = error;
    }
}

bool setting_errors_place(const struct setting_errors *errors, const void *field, const char **file,
                          unsigned *line)
{
    for (const struct setting_mark *mark = errors->marks; mark; mark = mark->next)
        if (mark->field == field) {
            *file = mark->file;
            *line = mark->line;
            return true;
        }
    return false;
}

void setting_errors_print(const struct setting_errors *errors, FILE *out)
{
    for (size_t i = 0; i < errors->len; i++) {
        const struct setting_error *error = &errors->items[i];
        if (error->line)
            fprintf(out, "%s:%u: %s\n", error->file, error->line, error->text);
        else
            fprintf(out, "%s: %s\n", error->file, error->text);
    }
}

char *setting_errors_text(const struct setting_errors *errors)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    setting_errors_print(errors, out);
    fclose(out);
    if (len && text[len - 1] == '\n')
        text[len - 1] = 0;
    return text;
}

/* A text for a message: control bytes would reach a terminal, and nobody reads kilobytes. */
static const char *shown(struct arena *arena, const char *text)
{
    size_t len = strlen(text);
    bool is_long = len > SHOWN_BYTES;
    while (is_long && (len > SHOWN_BYTES || (text[len] & 0xC0) == 0x80))
        len--; /* not within a UTF-8 character */
    char *copy = (char *)arena_printf(arena, "%.*s%s", (int)len, text, is_long ? "..." : "").at;
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return copy;
}

/* ---- finding keys ---- */

static size_t first_word(const char *key)
{
    return strcspn(key, " \t");
}

const struct setting *setting_find(const struct setting *table, const char *key)
{
    size_t word = first_word(key);
    for (const struct setting *row = table; row->key; row++) {
        bool is_named = row->type == SETTING_NAMED;
        if (is_named ? strlen(row->key) == word && strncmp(row->key, key, word) == 0
                     : strcmp(row->key, key) == 0)
            return row;
    }
    return NULL;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and exchanges of neighbours that lead from a to b; the three
 * rows are those of the usual table for the last letters of a. */
static int edits(struct gale_str a, struct gale_str b)
{
    int rows[3][LONGEST_KEY + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            now[j] = smaller(smaller(last[j], now[j - 1]) + 1,
                             last[j - 1] + (a.at[i - 1] != b.at[j - 1]));
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                now[j] = smaller(now[j], before[j - 2] + 1);
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b.len];
}

const char *setting_nearest(const struct setting *const *tables, const char *key)
{
    const char *nearest = NULL;
    int best = smaller(MOST_EDITS, (int)(strnlen(key, LONGEST_KEY) / 3)) + 1;
    for (; *tables; tables++) {
        for (const struct setting *row = *tables; row->key; row++) {
            struct gale_str given = {key,
                                     row->type == SETTING_NAMED ? first_word(key) : strlen(key)};
            struct gale_str known = str_of(row->key);
            if (given.len > LONGEST_KEY || known.len > LONGEST_KEY)
                continue;
            int distance = edits(given, known);
            if (distance < best) {
                best = distance;
                nearest = row->key;
            }
        }
    }
    return nearest;
}

/* Once is enough. */
static bool is_told(const struct setting_errors *errors, const struct buffer *keys)
{
    for (size_t i = 0; i < errors->len; i++)
        if (str_ends_with(str_of(errors->items[i].text), buffer_str(keys)))
            return true;
    return false;
}

/* Goes on with a list of keys, in lines below the error's own. */
static void add_key(struct buffer *keys, const char *key)
{
    if (!keys->len) {
        buffer_printf(keys, "\n    its keys are %s", key);
        return;
    }
    size_t columns = strlen(strrchr(keys->at, '\n') + 1) + strlen(", ") + strlen(key) + 1;
    buffer_printf(keys, columns > KEYS_COLUMNS ? ",\n    %s" : ", %s", key);
}

void setting_add_unknown(const struct setting *const *tables, const char *key,
                         const struct setting_place *place, struct setting_errors *errors)
{
    const char *nearest = setting_nearest(tables, key);
    const char *name = shown(errors->arena, key);
    if (nearest) {
        setting_errors_add(errors, place->file, place->line,
                           "'%s' is not a key of this section; did you mean '%s'?", name, nearest);
        return;
    }
    struct buffer keys = {0}, own = {0};
    buffer_add_text(&own, "");
    for (; *tables; tables++)
        for (const struct setting *row = *tables; row->key; row++) {
            add_key(&keys, row->key);
            if (row->type == SETTING_NAMED && !own.len)
                buffer_printf(&own, "; if it is for the app itself, write '%s %s = VALUE'",
                              row->key, name);
        }
    setting_errors_add(errors, place->file, place->line, "'%s' is not a key of this section%s%s",
                       name, own.at, is_told(errors, &keys) ? "" : keys.at);
    buffer_finish(&keys);
    buffer_finish(&own);
}

/* ---- setting them ---- */

static bool is_repeatable(const struct setting *row)
{
    return row->type == SETTING_LIST || row->type == SETTING_PAIRS || row->type == SETTING_NAMED;
}

void setting_init(const struct setting *table, void *values, struct arena *arena, const char *base)
{
    struct setting_place place = {.base = base};
    for (const struct setting *row = table; row->key; row++) {
        void *field = (char *)values + row->offset;
        setting_parse_clear(row->type, field);
        if (!row->initial)
            continue;
        struct setting_input input = {row->key, row->initial, &place};
        char *ignored = NULL;
        bool is_right = row->parse ? row->parse(row->initial, field, arena, &ignored) == 0
                                   : !setting_parse(row, &input, field, arena);
        assert(is_right); /* a default is the table's own business */
    }
}

static const struct setting_mark *find_mark(const struct setting_errors *errors,
                                            const struct setting *row, const void *field)
{
    for (const struct setting_mark *mark = errors->marks; mark; mark = mark->next)
        if (mark->row == row && mark->field == field)
            return mark;
    return NULL;
}

static void add_mark(struct setting_errors *errors, const struct setting *row, const void *field,
                     const struct setting_place *place)
{
    struct setting_mark *mark = arena_alloc(errors->arena, sizeof(*mark));
    *mark = (struct setting_mark){field, row, place->file, place->line, errors->marks};
    errors->marks = mark;
}

static int refuse(const struct setting *row, const struct setting_input *input, const char *fault,
                  const char *expected, struct setting_errors *errors)
{
    char own[512];
    if (!expected) {
        setting_expectation(row, own, sizeof(own));
        expected = own;
    }
    const char *key = shown(errors->arena, input->key);
    const char *value = shown(errors->arena, input->value);
    const struct setting_place *place = input->place;
    if (row->type == SETTING_NAMED)
        setting_errors_add(errors, place->file, place->line, "'%s' %s; expected %s", key, fault,
                           expected);
    else if (!input->value[0])
        setting_errors_add(errors, place->file, place->line,
                           "%s: the value is missing; expected %s", key, expected);
    else
        setting_errors_add(errors, place->file, place->line, "%s: '%s' %s; expected %s", key, value,
                           fault, expected);
    return -EINVAL;
}

int setting_set(const struct setting *row, void *values, const char *key, const char *value,
                const struct setting_place *place, struct setting_errors *errors)
{
    void *field = (char *)values + row->offset;
    const struct setting_mark *mark = find_mark(errors, row, field);
    if (mark && !is_repeatable(row)) {
        setting_errors_add(errors, place->file, place->line,
                           "%s: given twice; it stands at %s:%u already", row->key, mark->file,
                           mark->line);
        return -EINVAL;
    }
    if (!mark) {
        add_mark(errors, row, field, place);
        if (is_repeatable(row))
            setting_parse_clear(row->type, field); /* what is written replaces the default */
    }
    struct setting_input input = {key, value, place};
    if (row->parse) {
        char *expected = NULL;
        int r = row->parse(value, field, errors->arena, &expected);
        return r < 0 ? refuse(row, &input, setting_parse_fault(row->type), expected, errors) : 0;
    }
    const char *fault = setting_parse(row, &input, field, errors->arena);
    return fault ? refuse(row, &input, fault, NULL, errors) : 0;
}
