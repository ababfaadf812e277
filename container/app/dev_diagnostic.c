/* dev_diagnostic.c - lines of FILE:LINE:COLUMN: KIND: MESSAGE, and what points below them. */
#include "app/dev_diagnostic.h"

#include <limits.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

/* How many lines below a diagnostic its underline may stand. */
enum { POINTER_LINES = 3 };

static bool skip(struct gale_str *text, struct gale_str prefix)
{
    if (!str_starts_with(*text, prefix))
        return false;
    text->at += prefix.len;
    text->len -= prefix.len;
    return true;
}

static bool contains(struct gale_str text, struct gale_str part)
{
    return text.len && memmem(text.at, text.len, part.at, part.len);
}

/* ---- FILE:LINE:COLUMN ---- */

/* Digits and a colon at the start, taken off. */
static bool take_number(struct gale_str *text, unsigned *out_number)
{
    struct gale_str rest = *text, digits = str_cut(&rest, ':');
    uint64_t number;
    if (!rest.at || str_to_u64(digits, &number) < 0 || number > INT_MAX)
        return false;
    *out_number = (unsigned)number;
    *text = rest;
    return true;
}

/* Leaves what follows the place in *line. Sentences about a place ("In file included from x.c:1:")
 * have a blank in front of the first colon, as no file of a diagnostic that stands alone has. */
static bool take_place(struct gale_str *line, struct dev_diagnostic *out)
{
    struct gale_str rest = *line;
    out->file = str_cut(&rest, ':');
    if (!rest.at || !out->file.len || out->file.at[0] == ' ' || out->file.at[0] == '\t' ||
        contains(out->file, STR("ncluded from ")) || !take_number(&rest, &out->line) || !out->line)
        return false;
    out->column = 0;
    (void)take_number(&rest, &out->column);
    *line = str_trim(rest);
    return line->len > 0;
}

/* "/usr/bin/ld: " in front of what ld says of a place. */
static void skip_linker(struct gale_str *line)
{
    struct gale_str rest = *line, first = str_cut(&rest, ' ');
    if (rest.at && str_ends_with(first, STR("ld:")))
        *line = rest;
}

/* ---- KIND: MESSAGE ---- */

static const struct {
    struct gale_str word;
    enum dev_kind kind;
} kinds[] = {
    {STR("fatal error: "), DEV_ERROR}, {STR("internal compiler error: "), DEV_ERROR},
    {STR("error: "), DEV_ERROR},       {STR("warning: "), DEV_WARNING},
    {STR("note: "), DEV_NOTE},         {STR("remark: "), DEV_NOTE},
};

/* Those who name no kind say what stops them, but for what a template was required from. */
static enum dev_kind guess(struct gale_str message)
{
    bool is_side = contains(message, STR("required from")) || contains(message, STR("required by"));
    return is_side ? DEV_NOTE : DEV_ERROR;
}

static void take_message(struct gale_str line, struct dev_diagnostic *out)
{
    out->kind = guess(line);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!skip(&line, kinds[i].word))
            continue;
        out->kind = kinds[i].kind;
        break;
    }
    out->message = line;
}

/* Rust tells kind and message first: "error[E0308]: mismatched types", then "--> FILE:3:5". */
static bool take_headline(struct gale_str line, struct dev_diagnostic *out)
{
    struct gale_str rest = line, head = str_cut(&rest, ':');
    if (!rest.at || (!str_starts_with(head, STR("error")) && !str_equals(head, STR("warning"))))
        return false;
    if (head.len > 5 && head.at[0] == 'e' && head.at[5] != '[')
        return false;
    out->kind = head.at[0] == 'e' ? DEV_ERROR : DEV_WARNING;
    out->message = str_trim(rest);
    return true;
}

static bool take_arrow(struct gale_str line, struct dev_diagnostic *out)
{
    uint64_t column = 0;
    line = str_trim(line);
    if (!skip(&line, STR("--> ")))
        return false;
    out->file = str_cut(&line, ':');
    if (!line.at || !take_number(&line, &out->line) || !out->line)
        return false;
    (void)str_to_u64(line, &column);
    out->column = column < INT_MAX ? (unsigned)column : 0;
    return out->file.len > 0;
}

/* ---- what points at it ---- */

/* Blanks, a gutter, then ^~~~: the number of columns, or 0 for another line. */
static unsigned pointer_width(struct gale_str line, bool *out_has_gutter)
{
    const char *caret = str_find(line, '^'), *end = line.at + line.len;
    if (!caret)
        return 0;
    for (const char *at = line.at; at < caret; at++)
        if (!strchr(" |~\t", *at))
            return 0;
    *out_has_gutter = memchr(line.at, '|', (size_t)(caret - line.at));
    unsigned width = 1;
    for (const char *at = caret + 1; at < end && (*at == '~' || *at == '^'); at++)
        width++;
    return width;
}

static void look_below(struct gale_str rest, struct dev_diagnostic *out)
{
    for (int i = 0; i < POINTER_LINES && rest.at; i++) {
        bool has_gutter = false;
        unsigned width = pointer_width(str_cut(&rest, '\n'), &has_gutter);
        if (!width)
            continue;
        out->width = width;
        /* With a gutter it is gcc, which counts what it shows; clang and rustc count bytes. */
        out->is_visual = has_gutter && out->is_visual;
        return;
    }
    out->is_visual = false;
}

bool dev_diagnostic_next(struct gale_str *rest, struct dev_diagnostic *out)
{
    struct dev_diagnostic found = {.width = 1};
    bool has_headline = false;
    while (rest->at) {
        struct gale_str line = str_cut(rest, '\n');
        skip_linker(&line);
        if (has_headline && take_arrow(line, &found)) {
            *out = found;
            return true;
        }
        if (take_headline(line, &found)) {
            has_headline = true;
        } else if (take_place(&line, &found)) {
            take_message(line, &found);
            found.is_visual = true;
            look_below(*rest, &found);
            *out = found;
            return true;
        }
    }
    return false;
}

size_t dev_diagnostic_count(struct gale_str text, enum dev_kind kind)
{
    struct dev_diagnostic at;
    size_t count = 0;
    while (dev_diagnostic_next(&text, &at))
        count += at.kind == kind;
    return count;
}
