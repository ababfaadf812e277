/* fcgi_record.c - coding and decoding, byte by byte. */
#include "fastcgi/fcgi_record.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(FCGI_Header) == FCGI_HEADER_SIZE, "a header is 8 bytes");

int fcgi_record_decode(const unsigned char header[FCGI_HEADER_SIZE], struct fcgi_record *out_record)
{
    if (header[0] != FCGI_VERSION_1)
        return -EPROTO;
    *out_record = (struct fcgi_record){
        .type = header[1],
        .id = (uint16_t)(header[2] << 8 | header[3]),
        .length = (uint16_t)(header[4] << 8 | header[5]),
        .padding = header[6],
    };
    return 0;
}

void fcgi_record_encode(unsigned char header[FCGI_HEADER_SIZE], uint8_t type, uint16_t id,
                        size_t length, bool pad, uint8_t *out_padding)
{
    uint8_t padding = pad ? (uint8_t)(-length & 7) : 0;
    header[0] = FCGI_VERSION_1;
    header[1] = type;
    header[2] = (unsigned char)(id >> 8);
    header[3] = (unsigned char)id;
    header[4] = (unsigned char)(length >> 8);
    header[5] = (unsigned char)length;
    header[6] = padding;
    header[7] = 0;
    if (out_padding)
        *out_padding = padding;
}

/* ---- pairs: each length is one byte, or four with the highest bit set ---- */

enum { SHORT_MAX = 127, LONG_BIT = 0x80 };

static size_t length_size(size_t len)
{
    return len <= SHORT_MAX ? 1 : 4;
}

size_t fcgi_pair_size(size_t name_len, size_t value_len)
{
    return length_size(name_len) + length_size(value_len) + name_len + value_len;
}

static unsigned char *put_length(unsigned char *to, size_t len)
{
    if (len > SHORT_MAX) {
        *to++ = (unsigned char)(len >> 24 | LONG_BIT);
        *to++ = (unsigned char)(len >> 16);
        *to++ = (unsigned char)(len >> 8);
    }
    *to++ = (unsigned char)len;
    return to;
}

static unsigned char *put_bytes(unsigned char *to, struct gale_str bytes)
{
    if (bytes.len)
        memcpy(to, bytes.at, bytes.len);
    return to + bytes.len;
}

unsigned char *fcgi_pair_encode(unsigned char *to, struct gale_str name, struct gale_str value)
{
    to = put_length(to, name.len);
    to = put_length(to, value.len);
    to = put_bytes(to, name);
    return put_bytes(to, value);
}

/* Takes a length off the front; false when it is cut off. */
static bool take_length(struct gale_str *rest, uint64_t *out_len)
{
    const unsigned char *at = (const unsigned char *)rest->at;
    if (!rest->len)
        return false;
    size_t size = at[0] & LONG_BIT ? 4 : 1;
    if (rest->len < size)
        return false;
    *out_len = size == 1 ? at[0]
                         : (uint64_t)(at[0] & ~LONG_BIT) << 24 | (uint64_t)at[1] << 16 |
                               (uint64_t)at[2] << 8 | at[3];
    *rest = (struct gale_str){rest->at + size, rest->len - size};
    return true;
}

static struct gale_str take_bytes(struct gale_str *rest, size_t len)
{
    struct gale_str bytes = {rest->at, len};
    *rest = (struct gale_str){rest->at + len, rest->len - len};
    return bytes;
}

int fcgi_pair_decode(struct gale_str *rest, size_t max, struct gale_str *out_name,
                     struct gale_str *out_value)
{
    struct gale_str at = *rest;
    uint64_t name_len, value_len; /* 31 bits each: their sum cannot overflow */
    if (!at.len)
        return 0;
    if (!take_length(&at, &name_len) || !take_length(&at, &value_len))
        return -EAGAIN;
    if (name_len + value_len > max)
        return -EMSGSIZE;
    if (name_len + value_len > at.len)
        return -EAGAIN;
    *out_name = take_bytes(&at, name_len);
    *out_value = take_bytes(&at, value_len);
    *rest = at;
    return 1;
}
