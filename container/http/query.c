/* query.c - decoding happens in place, in one copy of the text.
 *
 * Decoding never lengthens, and behind each name and each value stands a byte that is no longer
 * needed ('=', '&' or the copy's own zero): that is where the zero goes. */
#include "http/query.h"

#include <errno.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/http_token.h"

static bool is_escape(const char *at, const char *end)
{
    return end - at >= 3 && str_hex_digit(at[1]) >= 0 && str_hex_digit(at[2]) >= 0;
}

static struct gale_str decode(char *at, size_t len)
{
    char *out = at;
    const char *end = at + len;
    for (const char *in = at; in < end; in++) {
        if (*in == '%' && is_escape(in, end)) {
            *out++ = (char)(str_hex_digit(in[1]) << 4 | str_hex_digit(in[2]));
            in += 2;
        } else {
            *out++ = *in == '+' ? ' ' : *in;
        }
    }
    *out = 0;
    return (struct gale_str){at, (size_t)(out - at)};
}

static struct query_pair decode_pair(char *at, size_t len)
{
    char *equals = len ? memchr(at, '=', len) : NULL;
    size_t name_len = equals ? (size_t)(equals - at) : len;
    char *value = equals ? equals + 1 : at + len;
    return (struct query_pair){
        .name = decode(at, name_len),
        .value = decode(value, (size_t)(at + len - value)),
    };
}

static size_t count_pieces(struct gale_str text)
{
    size_t n = 0;
    while (text.len)
        n += str_cut(&text, '&').len > 0;
    return n;
}

int query_parse(struct gale_str text, size_t max_pairs, struct arena *arena,
                struct query *out_query)
{
    size_t count = count_pieces(text);
    if (count > max_pairs)
        return -EMSGSIZE;
    struct query_pair *pairs = arena_alloc(arena, count * sizeof(*pairs));
    char *copy = (char *)arena_copy(arena, text.at, text.len).at;
    struct gale_str rest = {copy, text.len};
    for (size_t n = 0; n < count;) {
        struct gale_str piece = str_cut(&rest, '&');
        if (piece.len)
            pairs[n++] = decode_pair(copy + (piece.at - copy), piece.len);
    }
    *out_query = (struct query){pairs, count};
    return 0;
}

const struct query_pair *query_find(const struct query *query, struct gale_str name, size_t nth)
{
    for (size_t i = 0; i < query->count; i++)
        if (str_equals(query->pairs[i].name, name) && nth-- == 0)
            return &query->pairs[i];
    return NULL;
}

struct gale_str query_encode(struct arena *arena, struct gale_str bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = bytes.len;
    for (size_t i = 0; i < bytes.len; i++)
        len += http_is_byte(bytes.at[i], HTTP_BYTE_HOST) ? 0 : 2;
    char *text = arena_alloc(arena, len + 1), *out = text;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        if (http_is_byte(bytes.at[i], HTTP_BYTE_HOST)) { /* unreserved, RFC 3986 2.3 */
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    *out = 0;
    return (struct gale_str){text, len};
}
