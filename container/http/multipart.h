/* multipart.h - multipart/form-data (RFC 7578, RFC 2046), pushed in as it arrives. Pure.
 *
 *   --b CRLF
 *   Content-Disposition: form-data; name="f"; filename="x" CRLF     begin(part)
 *   CRLF
 *   ...bytes...                                                     data(at, len), any number
 *   CRLF --b--                                                      end()
 *
 * Bytes may be fed in any split, down to one at a time; the sink hears the same. Nothing of the
 * data is kept or copied: a delimiter that begins in one piece and turns out to be data in the
 * next is handed on from the parser's own copy of the delimiter. Time is linear in the input.
 * What stands before the first and behind the last delimiter is ignored; everything else has one
 * meaning or is refused. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>

struct arena;

enum { MULTIPART_BOUNDARY_MAX = 70 };

/* What a part's header says; each view ends in zero and lives on the arena. */
struct multipart_part {
    struct gale_str name;         /* never empty */
    struct gale_str filename;     /* as sent, without control bytes: a name to show, not a path */
    struct gale_str content_type; /* "" if not said */
    bool is_file;                 /* a filename was given, even an empty one */
};

/* Who listens. Each returns 0, or -errno, which ends the parsing and is what the feeder gets. */
struct multipart_sink {
    int (*begin)(void *context, const struct multipart_part *part);
    int (*data)(void *context, const char *at, size_t len); /* len > 0; at is not kept */
    int (*end)(void *context);
};

struct multipart_limits {
    size_t max_parts;
    size_t max_head; /* bytes of one part's header */
};

struct multipart {
    const char *why; /* after a refusal: a short sentence (static storage) */
    /* private */
    const struct multipart_sink *sink;
    void *context;
    struct arena *arena;
    struct multipart_limits limits;
    int state;
    int error;            /* what every further call returns */
    size_t matched;       /* bytes of the delimiter that the input so far ends with */
    size_t implied;       /* those of them that were never in the input */
    size_t parts;         /* begun so far */
    size_t head_len;      /* bytes of this part's header */
    size_t line_len;      /* bytes in `line` */
    char *line;           /* max_head bytes on the arena */
    unsigned fields_seen; /* of this part's header */
    struct multipart_part part;
    size_t delimiter_len;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX]; /* CRLF "--" boundary */
};

/* The boundary in a Content-Type value, as a view into it: 1 to 70 printable bytes. -EINVAL for
 * another media type, and without exactly one boundary. */
int multipart_boundary(struct gale_str content_type, struct gale_str *out_boundary);

/* Begins; copies the boundary (as multipart_boundary gives it) and the limits. */
void multipart_init(struct multipart *multipart, struct gale_str boundary,
                    const struct multipart_limits *limits, struct arena *arena);
/* Must follow before the first byte. Borrows both until the end. */
void multipart_set_sink(struct multipart *multipart, const struct multipart_sink *sink,
                        void *context);

/* Takes all of `data`, calling the sink. 0, the sink's own error, -EMSGSIZE beyond a limit, or
 * -EBADMSG, both with `why`. A part may have begun that then never ends. */
int multipart_feed(struct multipart *multipart, const char *data, size_t len);

/* Says that the body is complete: 0 when the final boundary came, -EBADMSG when not, or the error
 * that multipart_feed has returned before. */
int multipart_finish(struct multipart *multipart);
