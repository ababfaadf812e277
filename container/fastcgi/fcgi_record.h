/* fcgi_record.h - FastCGI records and name-value pairs, both ways. Pure.
 *
 *   version 1 | type | request id (2) | content length (2) | padding length | reserved
 *   content ...                                            | padding ...
 *
 * The definitions are libfcgi's fastcgi.h; the coding is shared by the client (adapters/fastcgi)
 * and the front (fcgi_front.h). Lengths come from the other side and are never trusted. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fastcgi.h>
#include <gale/str.h>

struct arena;

enum { FCGI_HEADER_SIZE = 8, FCGI_CONTENT_MAX = 65535 };

struct fcgi_record {
    uint8_t type;
    uint16_t id;
    uint16_t length; /* of the content */
    uint8_t padding;
};

/* Reads 8 bytes. 0, or -EPROTO for another version. */
int fcgi_record_decode(const unsigned char header[FCGI_HEADER_SIZE],
                       struct fcgi_record *out_record);
/* Writes 8 bytes; padding fills up to a multiple of 8 when `pad`. */
void fcgi_record_encode(unsigned char header[FCGI_HEADER_SIZE], uint8_t type, uint16_t id,
                        size_t length, bool pad, uint8_t *out_padding);

/* The bytes a pair takes, and writing one; returns the byte behind it. */
size_t fcgi_pair_size(size_t name_len, size_t value_len);
unsigned char *fcgi_pair_encode(unsigned char *to, struct gale_str name, struct gale_str value);
/* Takes the next pair off *rest: 1; 0 at the end; -EAGAIN when it is cut off within a pair (more
 * bytes of the stream are needed); -EMSGSIZE for one longer than `max`. */
int fcgi_pair_decode(struct gale_str *rest, size_t max, struct gale_str *out_name,
                     struct gale_str *out_value);
