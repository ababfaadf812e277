/* reply.h - the answer of a CGI or FastCGI program: its header block, strictly (RFC 3875 6). Pure.
 *
 * Bytes are fed as they come, in any split, until the block's empty line. Lines may end in CRLF or
 * LF alone, since programs write both; everything else is judged as a request's head is. What is
 * malformed makes a 502, never a guess. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct arena;
struct gale_response;

enum { REPLY_HEAD_MAX = 64 * 1024, REPLY_FIELDS_MAX = 200, REPLY_REDIRECTS_MAX = 10 };

struct reply_field {
    struct gale_str name, value;
};

enum reply_kind {
    REPLY_DOCUMENT,       /* status and fields, a body follows */
    REPLY_LOCAL_REDIRECT, /* Location is a path, and the only field: serve that path as GET */
};

struct reply {
    enum reply_kind kind;
    int status;                 /* 200, or 302 for a Location without a Status */
    struct gale_str reason;     /* what the program calls its status; "" */
    struct reply_field *fields; /* without Status and the fields of the connection, on the arena */
    size_t count;
    int64_t length;            /* Content-Length, to be verified by counting; -1: none */
    struct gale_str location;  /* of a local redirect; "" */
    struct gale_str send_file; /* X-Sendfile, taken out of the fields; "" */
    struct gale_str accel;     /* X-Accel-Redirect, likewise; "" */
};

/* Looks at the bytes read so far (the same ones as before and more). Returns the length of the
 * block with its empty line, 0 when more is needed, -EMSGSIZE beyond REPLY_HEAD_MAX. `searched`
 * keeps the place between calls; zero to begin with. */
long reply_scan(size_t *searched, const char *data, size_t len);
/* Reads a whole block of that length, which may go afterwards: what is kept is on the arena. nph:
 * it begins with a status line. Returns 0, or -EBADMSG with *out_why: no field at all or too many,
 * a bad line, a bad Status or Content-Length, two of what there may be one of, a Transfer-Encoding,
 * a control byte. */
int reply_parse(const char *data, size_t len, bool nph, struct arena *arena,
                struct reply *out_reply, const char **out_why);
/* Sets status and fields on the response. 0 or -errno. */
int reply_apply(const struct reply *reply, struct gale_response *res);
