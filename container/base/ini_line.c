/* ini_line.c - what a line is, what is wrong with it, and inih behind a reader of its own. */
#include "base/ini_line.h"

#include <assert.h>
#include <ini.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/utf8.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- judging ---- */

enum ini_line_kind ini_line_kind(struct gale_str line)
{
    line = str_trim(line);
    if (!line.len || line.at[0] == ';' || line.at[0] == '#')
        return INI_LINE_NOTHING;
    return line.at[0] == '[' ? INI_LINE_SECTION : INI_LINE_KEY;
}

const char *ini_line_text_fault(struct gale_str line, struct arena *arena)
{
    if (line.len > INI_LINE_MAX)
        return "the line is longer than 64 KiB";
    size_t text = utf8_valid_len(line);
    for (size_t i = 0; i < text; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return arena_printf(arena, "byte %zu of the line is the control character 0x%02X",
                                i + 1, c)
                .at;
    }
    if (text == line.len)
        return NULL;
    return arena_printf(arena, "byte %zu of the line (0x%02X) is not UTF-8", text + 1,
                        (unsigned char)line.at[text])
        .at;
}

/* Whether nothing but blanks and a comment is left. */
static bool is_over(struct gale_str rest)
{
    size_t len = rest.len;
    rest = str_trim(rest);
    return !rest.len || (rest.at[0] == ';' && rest.len < len);
}

static const char *section_fault(struct gale_str line)
{
    line.at++;
    line.len--;
    struct gale_str name = str_cut(&line, ']');
    if (!line.at)
        return "the section's name is not closed; expected [NAME]";
    if (!str_trim(name).len)
        return "the section has no name; expected [NAME]";
    return is_over(line) ? NULL : "text stands behind the section's name; expected [NAME] alone";
}

/* inih would take a ':' for the separator, and a comment's '=' too. */
static const char *key_fault(struct gale_str line)
{
    struct gale_str key = str_cut(&line, '=');
    for (size_t i = 1; i < key.len; i++)
        if (key.at[i] == ';' && is_blank(key.at[i - 1]))
            line.at = NULL;
    if (!line.at)
        return "expected [SECTION], KEY = VALUE or ; COMMENT";
    if (!str_trim(key).len)
        return "there is no key before the '='; expected KEY = VALUE";
    if (str_find(key, ':'))
        return "a key holds no ':'; expected KEY = VALUE";
    return ini_line_is_unclosed(str_trim(line)) ? "the quote is not closed" : NULL;
}

const char *ini_line_fault(struct gale_str line)
{
    switch (ini_line_kind(line)) {
    case INI_LINE_SECTION:
        return section_fault(str_trim(line));
    case INI_LINE_KEY:
        return key_fault(str_trim(line));
    default:
        return NULL;
    }
}

/* ---- reading ---- */

const char *ini_line_words(struct gale_str text, struct arena *arena)
{
    text = str_trim(text);
    char *words = (char *)arena_copy(arena, text.at, text.len).at, *to = words;
    for (const char *from = words; *from; from++)
        if (!is_blank(*from) || !is_blank(from[1]))
            *to++ = is_blank(*from) ? ' ' : *from;
    *to = 0;
    return words;
}

const char *ini_line_section(struct gale_str line, struct arena *arena)
{
    line = str_trim(line);
    line.at++;
    line.len--;
    return ini_line_words(str_cut(&line, ']'), arena);
}

bool ini_line_is_unclosed(struct gale_str text)
{
    return text.len && text.at[0] == '"' && !memchr(text.at + 1, '"', text.len - 1);
}

/* What stands in the quotes when they enclose the whole value; at == NULL when they don't. */
static struct gale_str quoted(struct gale_str text)
{
    struct gale_str none = {NULL, 0};
    if (!text.len || text.at[0] != '"' || ini_line_is_unclosed(text))
        return none;
    struct gale_str rest = {text.at + 1, text.len - 1};
    struct gale_str inner = str_cut(&rest, '"');
    return is_over(rest) ? inner : none;
}

const char *ini_line_value(struct gale_str text, struct arena *arena)
{
    text = str_trim(text);
    struct gale_str value = quoted(text);
    if (!value.at) {
        value = text;
        for (size_t i = 0; i < text.len; i++) {
            if (text.at[i] == ';' && (i == 0 || is_blank(text.at[i - 1]))) {
                value.len = i;
                break;
            }
        }
        value = str_trim(value);
    }
    return arena_copy(arena, value.at, value.len).at;
}

struct gale_str ini_line_cut(struct gale_str *rest, bool is_first)
{
    static const struct gale_str bom = STR("\xEF\xBB\xBF");
    struct gale_str line = str_cut(rest, '\n');
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    if (is_first && str_starts_with(line, bom)) {
        line.at += bom.len;
        line.len -= bom.len;
    }
    return line;
}

/* ---- inih ---- */

struct stream {
    struct gale_str rest;
    const struct ini_feed *feed;
    bool has_begun;
};

/* Like fgets; a line that look kept back becomes an empty one. */
static char *next_line(char *to, int size, void *data)
{
    struct stream *stream = data;
    if (!stream->rest.len)
        return NULL;
    struct gale_str line = ini_line_cut(&stream->rest, !stream->has_begun);
    stream->has_begun = true;
    if (!stream->feed->look(stream->feed->data, line))
        line.len = 0;
    assert(line.len + 2 <= (size_t)size);
    memcpy(to, line.at, line.len);
    memcpy(to + line.len, "\n", 2);
    return to;
}

static int take_key(void *data, const char *section, const char *key, const char *value)
{
    const struct stream *stream = data;
    (void)section; /* cut at 49 bytes; look has seen the whole */
    stream->feed->key(stream->feed->data, key, value);
    return 1;
}

void ini_line_feed(struct gale_str text, const struct ini_feed *feed)
{
    struct stream stream = {.rest = text, .feed = feed};
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_allow_bom = false;
    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = INI_LINE_MAX + 4;
    int r = ini_parse_stream(next_line, &stream, take_key, &stream);
    assert(r == 0); /* it got nothing that it could refuse */
}
