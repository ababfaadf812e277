/* dev_source.h - an excerpt of a source file as HTML: numbered, highlighted, with a caret.
 *
 * For pages of `gale dev`. The highlighting knows what C, C++, Rust, Go and Zig have in common;
 * it is there to help the eye, and wrong colours are its worst failure. Every byte is escaped. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct buffer;

struct dev_place {
    const char *path;     /* absolute, or as the working directory has it */
    unsigned line;        /* from 1 */
    unsigned column;      /* from 1; 0: the whole line */
    unsigned width;       /* what the caret underlines, at least 1 */
    bool is_visual;       /* the column counts tabs up to the next eighth column */
    struct gale_str hint; /* what stands behind the caret; may be "" */
};

/* Adds <pre class="source">...</pre> with the lines around the place. Returns false, and adds
 * nothing, when the file cannot be read or has no such line. */
bool dev_source_excerpt(struct buffer *out, const struct dev_place *place);
/* Adds the text with & < > " ' as entities, and control bytes as U+FFFD. */
void dev_source_escape(struct buffer *out, struct gale_str text);
