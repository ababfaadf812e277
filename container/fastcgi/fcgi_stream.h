/* fcgi_stream.h - records on an iostream, in and out: what both sides of FastCGI share.
 *
 * Reading shows content where the stream has buffered it, piece by piece, so a record of 64 KiB is
 * never in memory whole and its reader sets the pace. Writing splits bytes of any number into
 * records, gathers small ones and sends large ones from where they are. */
#pragma once
#include <stdbool.h>
#include <sys/uio.h>
#include "base/macros.h"
#include "fastcgi/fcgi_record.h"

struct iostream;

struct fcgi_reader {
    struct iostream *stream;   /* borrowed */
    struct fcgi_record record; /* the one whose content is read now */
    /* private */
    size_t left;    /* of its content, what is shown included */
    size_t padding; /* behind that */
    size_t shown;   /* bytes of the piece handed out last */
};

void fcgi_reader_init(struct fcgi_reader *reader, struct iostream *stream);

/* Passes over what is left of the last record and reads the next one's header. Returns 1; 0 at an
 * end between two records; -ENODATA at an end within one; -EPROTO for another version; -ETIMEDOUT
 * without progress for so long; or -errno of the stream. */
SUSPENDS int fcgi_read_record(struct fcgi_reader *reader, int64_t timeout_ms);
/* The next piece of the record's content, where it lies: 1, valid until the next call with this
 * reader; 0 when there is no more; or as above. */
SUSPENDS int fcgi_read_piece(struct fcgi_reader *reader, int64_t timeout_ms,
                             struct gale_str *out_piece);
/* The first `len` bytes of content, for records of a fixed form: 0, -EPROTO when it has fewer. */
SUSPENDS int fcgi_read_exactly(struct fcgi_reader *reader, void *to, size_t len,
                               int64_t timeout_ms);
/* Hands back the last `len` bytes of the piece shown last: they will be shown again. */
void fcgi_reader_keep(struct fcgi_reader *reader, size_t len);
/* Passes over padding that has come. Returns whether no record is half read: what comes next is a
 * header. */
bool fcgi_reader_settle(struct fcgi_reader *reader);
/* Nothing that came is unread, not even padding. */
bool fcgi_reader_is_clean(const struct fcgi_reader *reader);

/* Gathers one record with at most FCGI_CONTENT_MAX bytes of content; none ends a stream. */
SUSPENDS int fcgi_put(struct iostream *stream, uint8_t type, uint16_t id, const void *content,
                      size_t len);
/* Sends bytes, at most FCGI_PIECES_MAX pieces of them, as records of a stream. Little is only
 * gathered and leaves with what follows or iostream_push. No bytes: no record. */
enum { FCGI_PIECES_MAX = 4 };
SUSPENDS int fcgi_write(struct iostream *stream, uint8_t type, uint16_t id, const struct iovec *iov,
                        int count);
