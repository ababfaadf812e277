/* dev_diagnostic.h - what compilers say, as places in files. Pure.
 *
 * One reader for gcc, clang, GNU ld, Go, Zig and Rust, since all that comes through `make` or a
 * command is text:
 *
 *   hello.c:12:5: error: expected ';'              error[E0308]: mismatched types
 *      12 |     return 0                              --> src/lib.rs:3:5
 *         |     ^~~~~~
 *
 * Lines that name no place are nobody's diagnostic: whoever shows these shows the whole text, too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>

enum dev_kind { DEV_ERROR, DEV_WARNING, DEV_NOTE };

struct dev_diagnostic {
    enum dev_kind kind;
    struct gale_str file; /* as it was written: relative to where the compiler ran, or absolute */
    unsigned line;        /* from 1 */
    unsigned column;      /* from 1; 0: none was told */
    bool is_visual;       /* the column counts what is seen, tabs up to the next eighth column */
    unsigned width;       /* columns that are meant, at least 1 */
    struct gale_str message;
};

/* The next one in *rest, which moves behind it; all views into the text. False at its end. */
bool dev_diagnostic_next(struct gale_str *rest, struct dev_diagnostic *out);
/* How many there are of that kind. */
size_t dev_diagnostic_count(struct gale_str text, enum dev_kind kind);
