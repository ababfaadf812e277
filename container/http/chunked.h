/* chunked.h - the chunked transfer coding of request bodies (RFC 9112 7.1). Pure.
 *
 * Strict: sizes are hexadecimal digits alone, or with blanks before an extension; lines end in
 * CRLF, data is followed by CRLF. Extensions and trailers are read, bounded and dropped: a trailer
 * never becomes a field. The pieces handed out are the same wherever the bytes are split, up to the
 * first fault. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct chunked {
    /* private */
    int state;       /* negative: the -errno that ended it */
    uint64_t left;   /* of the chunk's data, or the size being read */
    size_t overhead; /* bytes of size lines in this message, but for what their data excuses */
    size_t line;     /* bytes of the line being read; after the last chunk, of the trailer */
};

/* What a chunk-size line with its extensions and what the trailer section may have, in bytes; and
 * by how much size lines may outweigh the data (16 bytes and twice its size are free a chunk). */
enum { CHUNKED_LINE_MAX = 4096, CHUNKED_TRAILER_MAX = 16384, CHUNKED_OVERHEAD_MAX = 16384 };

void chunked_init(struct chunked *chunked);
/* Takes from the front of `data`: returns how many bytes it used, and in *out_piece the body bytes
 * among them (a view into data, empty if none). At most one piece a call. -EBADMSG for what is not
 * the chunked coding, -EMSGSIZE for a size beyond UINT64_MAX, a line or a trailer beyond the
 * limits; then the message has no end that anybody can trust, and every later call says the same.
 */
long chunked_decode(struct chunked *chunked, const char *data, size_t len,
                    struct gale_str *out_piece);
/* The last chunk and its trailer have been read. */
bool chunked_is_done(const struct chunked *chunked);
/* The bytes still to come of a chunk whose size line has been read, else 0. */
uint64_t chunked_announced(const struct chunked *chunked);
/* For writing: the size line of a chunk, without allocation. Returns its length (at most 18). */
size_t chunked_head(char *out, uint64_t size);
