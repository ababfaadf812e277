/* field.c - cutting field values without copying them. */
#include "http/field.h"

#include <errno.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/http_token.h"

/* Behind the quoted string that begins at `at`; NULL when it is not closed before `end`. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && end - at > 1)
            at++;
    }
    return NULL;
}

struct gale_str field_cut(struct gale_str *rest, char separator)
{
    if (!rest->at)
        return STR("");
    const char *start = rest->at, *end = start + rest->len, *at = start;
    while (at && at < end && *at != separator)
        at = *at == '"' ? skip_quoted(at, end) : at + 1;
    if (!at || at == end) {
        *rest = (struct gale_str){NULL, 0};
        at = end;
    } else {
        *rest = (struct gale_str){at + 1, (size_t)(end - at) - 1};
    }
    return str_trim((struct gale_str){start, (size_t)(at - start)});
}

static bool is_plain_value(struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_byte(text.at[i], HTTP_BYTE_TARGET) || text.at[i] == '"')
            return false;
    return text.len > 0;
}

static int read_param(struct gale_str piece, struct field_param *out_param)
{
    struct gale_str value = piece, name = str_cut(&value, '=');
    if (!value.at || !http_is_token(name))
        return -EINVAL;
    bool is_quoted = value.len && value.at[0] == '"';
    if (is_quoted) {
        if (skip_quoted(value.at, value.at + value.len) != value.at + value.len)
            return -EINVAL;
        value = (struct gale_str){value.at + 1, value.len - 2};
    }
    if (is_quoted ? !http_is_field_value(value) : !is_plain_value(value))
        return -EINVAL;
    *out_param = (struct field_param){name, value, is_quoted};
    return 1;
}

int field_next_param(struct gale_str *rest, struct field_param *out_param)
{
    while (rest->at) {
        struct gale_str piece = field_cut(rest, ';');
        if (piece.len)
            return read_param(piece, out_param);
    }
    return 0;
}

struct gale_str field_param_value(const struct field_param *param, struct arena *arena)
{
    struct gale_str value = param->value;
    char *text = arena_alloc(arena, value.len + 1), *out = text;
    for (size_t i = 0; i < value.len; i++) {
        char next = i + 1 < value.len ? value.at[i + 1] : 0;
        if (param->is_quoted && value.at[i] == '\\' && (next == '"' || next == '\\'))
            i++;
        *out++ = value.at[i];
    }
    *out = 0;
    return (struct gale_str){text, (size_t)(out - text)};
}
