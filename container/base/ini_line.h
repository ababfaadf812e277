/* ini_line.h - one line of INI text, and the way lines take through inih; for ini*.c alone.
 *
 * A line is judged before inih sees it, since inih has no word for what is wrong; it then splits
 * only lines that have one meaning. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct arena;

enum {
    INI_LINE_MAX = 64 * 1024,
    INI_LINE_MARKER = 1, /* the first byte of a marker line; no file may hold it */
};

enum ini_line_kind { INI_LINE_NOTHING, INI_LINE_SECTION, INI_LINE_KEY };

enum ini_line_kind ini_line_kind(struct gale_str line);
/* Why the bytes are no text, or NULL (on the arena). */
const char *ini_line_text_fault(struct gale_str line, struct arena *arena);
/* Why a line of text is no INI, or NULL. */
const char *ini_line_fault(struct gale_str line);
/* The name in a section line without fault. */
const char *ini_line_section(struct gale_str line, struct arena *arena);
/* Words with single blanks between them: keys and names of sections. */
const char *ini_line_words(struct gale_str text, struct arena *arena);
/* A value as it stands behind the '=', trimmed, without its comment and quotes. */
const char *ini_line_value(struct gale_str text, struct arena *arena);
/* Whether text starts with a quote that nothing closes. */
bool ini_line_is_unclosed(struct gale_str text);

/* Takes the next line, without its end, off *rest (a BOM before it, too, where `is_first`). */
struct gale_str ini_line_cut(struct gale_str *rest, bool is_first);

struct ini_feed {
    /* Judges the next line; true passes it on to inih, which then calls `key`. */
    bool (*look)(void *data, struct gale_str line);
    void (*key)(void *data, const char *key, const char *value); /* borrowed for the call */
    void *data;
};
void ini_line_feed(struct gale_str text, const struct ini_feed *feed);
