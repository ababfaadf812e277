/* send.c - a file as an answer (RFC 9110 8.8, 13 and 14).
 *
 * A small file is read into memory and leaves together with its head; a larger one goes from the
 * page cache to the socket piece by piece. Neither may make the loop wait for a disk: what is not
 * in the page cache is first brought there by a thread. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

enum {
    SMALL = 16 * 1024,  /* beyond that, sendfile is cheaper than copying */
    PIECE = 256 * 1024, /* looked at, and brought in, at once */
    BLOCK = 32 * 1024,  /* the thread's stack holds one */
};

/* A part of a file that is not in memory. */
struct piece {
    int fd;
    off_t from;
    size_t len;
    char *to;    /* NULL: only into the page cache */
    ssize_t got; /* or -errno */
};

/* ---- bytes ---- */

/* Reads without waiting for a disk: what there is at once, -EAGAIN for nothing. */
static ssize_t read_now(int fd, void *to, size_t len, off_t from)
{
    const struct iovec iov = {to, len};
    ssize_t n = preadv2(fd, &iov, 1, from, RWF_NOWAIT);
    return n < 0 ? -errno : n;
}

static ssize_t read_some(const struct piece *piece)
{
    char block[BLOCK];
    size_t left = piece->len - (size_t)piece->got;
    off_t from = piece->from + piece->got;
    if (piece->to)
        return pread(piece->fd, piece->to + piece->got, left, from);
    return pread(piece->fd, block, left < sizeof(block) ? left : sizeof(block), from);
}

/* On a thread: reads the piece, and has the kernel begin with the next one. */
static void load(void *data)
{
    struct piece *piece = data;
    ssize_t n = 1;
    while (n > 0 && (size_t)piece->got < piece->len) {
        n = read_some(piece);
        if (n > 0)
            piece->got += n;
    }
    if (n < 0)
        piece->got = -errno;
    if (!piece->to)
        posix_fadvise(piece->fd, piece->from + PIECE, PIECE, POSIX_FADV_WILLNEED);
}

static int send_small(struct gale_response *res, int fd, off_t from, size_t len)
{
    char bytes[SMALL];
    struct piece piece = {.fd = fd, .from = from, .len = len, .to = bytes};
    piece.got = read_now(fd, bytes, len, from);
    if (piece.got < 0)
        piece.got = 0;
    if ((size_t)piece.got < len) {
        int r = gale_offload(load, &piece);
        if (r < 0)
            return r;
    }
    if (piece.got < 0)
        return (int)piece.got;
    /* Shorter than it was a moment ago: no answer of the promised length is possible. */
    return (size_t)piece.got < len ? -EIO : gale_response_write(res, bytes, len);
}

/* Whether both ends of the piece are in memory; what was read ahead has no holes, or few. */
static bool is_warm(const struct piece *piece)
{
    char byte;
    return read_now(piece->fd, &byte, 1, piece->from) >= 0 &&
           read_now(piece->fd, &byte, 1, piece->from + (off_t)piece->len - 1) >= 0;
}

static int send_piece(struct gale_response *res, struct piece *piece)
{
    if (!is_warm(piece)) {
        int r = gale_offload(load, piece);
        if (r < 0)
            return r;
        if (piece->got < 0)
            return (int)piece->got;
    }
    return gale_response_sendfile(res, piece->fd, piece->from, (int64_t)piece->len);
}

static int send_bytes(struct gale_response *res, int fd, int64_t from, int64_t len)
{
    int r = 0;
    if (len <= SMALL)
        return send_small(res, fd, from, (size_t)len);
    for (int64_t at = 0; r == 0 && at < len; at += PIECE) {
        size_t part = (size_t)(len - at < PIECE ? len - at : PIECE);
        struct piece piece = {.fd = fd, .from = from + at, .len = part};
        r = send_piece(res, &piece);
    }
    return r;
}

/* ---- what the file is known by ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* A strong tag: another content has another size, time or inode (a file that was renamed into
 * place). The inode is stirred in, not shown. */
static void make_tag(const struct stat *st, char *out, size_t size)
{
    uint64_t time = (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
    uint64_t hash = mix(mix((uint64_t)st->st_ino + 1) ^ time);
    snprintf(out, size, "\"%" PRIx64 "-%" PRIx64 "\"", (uint64_t)st->st_size, hash);
}

/* ---- head ---- */

static const char *cache_control(const struct files *files, struct gale_request *req)
{
    if (files->version && gale_request_query(req, files->version, NULL))
        return "public, max-age=31536000, immutable";
    return files->cache;
}

/* The fields that a 304 carries, too (RFC 9110 15.4.5). */
static void set_validators(const struct lookup *lookup, const char *tag, struct gale_request *req,
                           struct gale_response *res)
{
    char date[GALE_HTTP_DATE_SIZE];
    const char *cache = cache_control(lookup->files, req);
    gale_http_date(lookup->modified, date);
    gale_response_header(res, "ETag", tag);
    gale_response_header(res, "Last-Modified", date);
    if (cache)
        gale_response_header(res, "Cache-Control", cache);
    if (lookup->files->is_precompressed)
        gale_response_header(res, "Vary", "Accept-Encoding");
}

static void set_content(const struct lookup *lookup, int64_t len, struct gale_response *res)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, len);
    gale_response_header(res, "Content-Type",
                         media_type_of(*lookup->index ? lookup->index : lookup->path));
    gale_response_header(res, "Content-Length", text);
    gale_response_header(res, "Accept-Ranges", "bytes");
    if (lookup->coding)
        gale_response_header(res, "Content-Encoding", lookup->coding);
}

static int refuse_range(struct gale_response *res, int64_t size)
{
    char text[40];
    snprintf(text, sizeof(text), "bytes */%" PRId64, size);
    gale_response_header(res, "Content-Range", text);
    return 416;
}

static void set_range(struct gale_response *res, int64_t from, int64_t len, int64_t size)
{
    char text[72];
    snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64, from, from + len - 1,
             size);
    gale_response_status(res, 206);
    gale_response_header(res, "Content-Range", text);
}

int send_file(const struct lookup *lookup, struct gale_request *req, struct gale_response *res)
{
    char tag[48];
    int64_t size = lookup->st.st_size, from = 0, len = size;
    make_tag(&lookup->st, tag, sizeof(tag));
    set_validators(lookup, tag, req, res);
    int status = gale_request_check(req, tag, lookup->modified);
    if (status)
        return status == 304 ? gale_response_status(res, 304) : status;
    status = gale_request_range(req, tag, lookup->modified, size, &from, &len);
    if (status == 416)
        return refuse_range(res, size);
    if (status == 206)
        set_range(res, from, len, size);
    else
        from = 0, len = size;
    set_content(lookup, len, res);
    return gale_request_method(req).at[0] == 'H' ? GALE_OK : send_bytes(res, lookup->fd, from, len);
}
