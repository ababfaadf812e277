/* setting_parse.c - one small parser for each type of setting. */
#include "base/setting_parse.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/rate_table.h"
#include "base/str.h"

const struct setting_unit setting_units_size[] = {
    {"T", 1LL << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1},
};
const struct setting_unit setting_units_ms[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
const struct setting_unit setting_units_none[] = {{"", 1}};

void *setting_grow(struct arena *arena, void *items, size_t len, size_t item_size)
{
    if (len & (len - 1))
        return items;
    void *grown = arena_zalloc(arena, (len ? 2 * len : 1) * item_size);
    if (len)
        memcpy(grown, items, len * item_size);
    return grown;
}

/* ---- numbers ---- */

static const struct setting_unit *find_unit(const struct setting_unit *units, const char *name)
{
    while (strcmp(units->name, name) != 0)
        if ((units++)->factor == 1)
            return NULL;
    return units;
}

static const char *check_range(const struct setting *row, int64_t value)
{
    bool is_open = !row->min && !row->max;
    if (value < row->min)
        return "is too small";
    if (!is_open && value > row->max)
        return "is too large";
    return NULL;
}

/* [-]DIGITS[UNIT], within int64_t and the row's range. */
static const char *parse_number(const struct setting *row, const char *value,
                                const struct setting_unit *units, int64_t *out)
{
    bool is_negative = value[0] == '-' && row->min < 0;
    value += is_negative;
    size_t len = strspn(value, "0123456789");
    if (!len)
        return setting_parse_fault(row->type);
    const struct setting_unit *unit = find_unit(units, value + len);
    if (!unit)
        return value[len] ? setting_parse_fault(row->type) : "has no unit";
    uint64_t number;
    int64_t result;
    if (str_to_u64((struct gale_str){value, len}, &number) < 0 ||
        __builtin_mul_overflow(number, unit->factor, &result))
        return is_negative ? "is too small" : "is too large";
    result = is_negative ? -result : result;
    const char *fault = check_range(row, result);
    if (!fault)
        *out = result;
    return fault;
}

static const char *parse_size(const struct setting *row, const struct setting_input *input,
                              void *field, struct arena *arena)
{
    (void)arena;
    int64_t size = 0;
    const char *fault = parse_number(row, input->value, setting_units_size, &size);
    if (!fault)
        *(uint64_t *)field = (uint64_t)size;
    return fault;
}

static const char *parse_ms(const struct setting *row, const struct setting_input *input,
                            void *field, struct arena *arena)
{
    (void)arena;
    return parse_number(row, input->value, setting_units_ms, field);
}

static const char *parse_count(const struct setting *row, const struct setting_input *input,
                               void *field, struct arena *arena)
{
    (void)arena;
    return parse_number(row, input->value, setting_units_none, field);
}

/* ---- words ---- */

static const char *copy(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text)).at;
}

static const char *parse_text(const struct setting *row, const struct setting_input *input,
                              void *field, struct arena *arena)
{
    (void)row;
    *(const char **)field = copy(arena, input->value);
    return NULL;
}

static const char *parse_path(const struct setting *row, const struct setting_input *input,
                              void *field, struct arena *arena)
{
    const char *value = input->value;
    if (!value[0])
        return setting_parse_fault(row->type);
    while (strncmp(value, "./", 2) == 0)
        value += 2 + strspn(value + 2, "/");
    const char *base = input->place->base;
    const char *slash = strcmp(base, "/") == 0 || !value[0] ? "" : "/";
    *(const char **)field =
        value[0] == '/' ? copy(arena, value) : arena_printf(arena, "%s%s%s", base, slash, value).at;
    return NULL;
}

static const char *parse_flag(const struct setting *row, const struct setting_input *input,
                              void *field, struct arena *arena)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    (void)arena;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(input->value, words[i]) == 0) {
            *(bool *)field = i % 2;
            return NULL;
        }
    }
    return setting_parse_fault(row->type);
}

static const char *parse_choice(const struct setting *row, const struct setting_input *input,
                                void *field, struct arena *arena)
{
    (void)arena;
    for (int i = 0; row->choices[i]; i++) {
        if (strcmp(input->value, row->choices[i]) == 0) {
            *(int *)field = i;
            return NULL;
        }
    }
    return setting_parse_fault(row->type);
}

/* ---- what may be repeated ---- */

static const char *parse_list(const struct setting *row, const struct setting_input *input,
                              void *field, struct arena *arena)
{
    (void)row;
    struct setting_list *list = field;
    const char *at = input->value;
    for (;;) {
        at += strspn(at, " \t");
        size_t len = strcspn(at, " \t");
        if (!len)
            return NULL;
        list->items = setting_grow(arena, list->items, list->len, sizeof(*list->items));
        list->items[list->len++] = arena_copy(arena, at, len).at;
        at += len;
    }
}

static void add_pair(struct setting_pairs *pairs, const struct setting_input *input,
                     struct gale_str name, const char *value, struct arena *arena)
{
    pairs->items = setting_grow(arena, pairs->items, pairs->len, sizeof(*pairs->items));
    pairs->items[pairs->len++] = (struct setting_pair){
        .name = arena_copy(arena, name.at, name.len).at,
        .value = copy(arena, value),
        .file = input->place->file,
        .line = input->place->line,
    };
}

static const char *parse_pairs(const struct setting *row, const struct setting_input *input,
                               void *field, struct arena *arena)
{
    const char *name = input->value + strspn(input->value, " \t");
    size_t len = strcspn(name, " \t");
    const char *value = name + len + strspn(name + len, " \t");
    if (!len || !value[0])
        return setting_parse_fault(row->type);
    add_pair(field, input, (struct gale_str){name, len}, value, arena);
    return NULL;
}

/* The name stands in the key, behind the row's own word. */
static const char *parse_named(const struct setting *row, const struct setting_input *input,
                               void *field, struct arena *arena)
{
    struct gale_str name = str_trim(str_of(input->key + strlen(row->key)));
    if (!name.len || strcspn(name.at, " \t") < name.len)
        return setting_parse_fault(row->type);
    add_pair(field, input, name, input->value, arena);
    return NULL;
}

static const struct type {
    const char *(*parse)(const struct setting *row, const struct setting_input *input, void *field,
                         struct arena *arena);
    size_t size;
    const char *fault;
} types[] = {
    [SETTING_TEXT] = {parse_text, sizeof(const char *), "is not a text"},
    [SETTING_PATH] = {parse_path, sizeof(const char *), "is not a path"},
    [SETTING_SIZE] = {parse_size, sizeof(uint64_t), "is not a size"},
    [SETTING_MS] = {parse_ms, sizeof(int64_t), "is not a time"},
    [SETTING_COUNT] = {parse_count, sizeof(int64_t), "is not a count"},
    [SETTING_FLAG] = {parse_flag, sizeof(bool), "is neither yes nor no"},
    [SETTING_CHOICE] = {parse_choice, sizeof(int), "is not one of the choices"},
    [SETTING_LIST] = {parse_list, sizeof(struct setting_list), "is not a list"},
    [SETTING_PAIRS] = {parse_pairs, sizeof(struct setting_pairs), "is not a name and a value"},
    [SETTING_RATE] = {setting_parse_rate, sizeof(struct rate_limit), "is not a rate"},
    [SETTING_NAMED] = {parse_named, sizeof(struct setting_pairs), "has not one name in its key"},
};

const char *setting_parse(const struct setting *row, const struct setting_input *input, void *field,
                          struct arena *arena)
{
    return types[row->type].parse(row, input, field, arena);
}

const char *setting_parse_fault(enum setting_type type)
{
    return types[type].fault;
}

void setting_parse_clear(enum setting_type type, void *field)
{
    memset(field, 0, types[type].size);
}
