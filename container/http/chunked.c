/* chunked.c - the chunked coding as a machine that takes one byte of framing at a time.
 *
 *   size -> blank -> extension -> size_lf -> data -> data_cr -> data_lf -> size ...
 *     |_______|______^            |
 *                           +-> (size 0) line -> name -> value -> value_lf -> line ...
 *                                         +----> last_lf -> done
 */
#include "http/chunked.h"

#include <errno.h>

#include "base/str.h"
#include "http/http_token.h"

enum {
    SIZE_FIRST, /* a digit must come */
    SIZE,
    BLANK, /* only an extension may follow */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE, /* the trailer from here on */
    NAME,
    VALUE,
    VALUE_LF,
    LAST_LF,
    DONE,
};

/* Where one byte leads: `end` to `after`, a byte of `kind` to `stay`, any other nowhere. */
struct rule {
    char end;
    uint8_t after;
    uint8_t kind;
    uint8_t stay;
};

static const struct rule rules[] = {
    [EXTENSION] = {'\r', SIZE_LF, HTTP_BYTE_VALUE, EXTENSION},
    [DATA_CR] = {'\r', DATA_LF, 0, 0},
    [DATA_LF] = {'\n', SIZE_FIRST, 0, 0},
    [LINE] = {'\r', LAST_LF, HTTP_BYTE_TOKEN, NAME},
    [NAME] = {':', VALUE, HTTP_BYTE_TOKEN, NAME},
    [VALUE] = {'\r', VALUE_LF, HTTP_BYTE_VALUE, VALUE},
    [VALUE_LF] = {'\n', LINE, 0, 0},
    [LAST_LF] = {'\n', DONE, 0, 0},
};

static int follow_rule(const struct chunked *chunked, char c)
{
    const struct rule *rule = &rules[chunked->state];
    if (c == rule->end)
        return rule->after;
    return http_is_byte(c, rule->kind) ? rule->stay : -EBADMSG;
}

static int add_digit(struct chunked *chunked, char c)
{
    int digit = str_hex_digit(c);
    if (digit < 0)
        return -EBADMSG;
    if (chunked->left >> 60)
        return -EMSGSIZE;
    chunked->left = chunked->left << 4 | (unsigned)digit;
    return SIZE;
}

/* RFC 9112 7.1.1: blanks before the semicolon are bad, but have to be read. */
static int read_blank(char c)
{
    if (c == ';')
        return EXTENSION;
    return c == ' ' || c == '\t' ? BLANK : -EBADMSG;
}

static int read_size(struct chunked *chunked, char c)
{
    if (c == '\r')
        return SIZE_LF;
    int state = read_blank(c);
    return state < 0 ? add_digit(chunked, c) : state;
}

/* A line may be longer than what it announces, but not in every chunk: a peer could have gale
 * read much for a body that stays below every limit. */
static int charge_overhead(struct chunked *chunked)
{
    size_t size = chunked->left < CHUNKED_LINE_MAX ? (size_t)chunked->left : CHUNKED_LINE_MAX;
    size_t excused = 16 + 2 * size;
    chunked->overhead += chunked->line;
    chunked->overhead -= chunked->overhead < excused ? chunked->overhead : excused;
    return chunked->overhead > CHUNKED_OVERHEAD_MAX ? -EMSGSIZE : 0;
}

static int end_size(struct chunked *chunked, char c)
{
    if (c != '\n')
        return -EBADMSG;
    int r = charge_overhead(chunked);
    chunked->line = 0;
    if (r < 0)
        return r;
    return chunked->left ? DATA : LINE;
}

/* The state after `c`, or -errno. */
static int step(struct chunked *chunked, char c)
{
    switch (chunked->state) {
    case SIZE_FIRST:
        chunked->line = 1;
        return add_digit(chunked, c);
    case SIZE:
        return read_size(chunked, c);
    case BLANK:
        return read_blank(c);
    case SIZE_LF:
        return end_size(chunked, c);
    default:
        return follow_rule(chunked, c);
    }
}

void chunked_init(struct chunked *chunked)
{
    *chunked = (struct chunked){.state = SIZE_FIRST};
}

/* The limits hold for a size line before the last chunk and for all of the trailer after it. */
static int check_line(const struct chunked *chunked)
{
    size_t max = chunked->state >= LINE ? CHUNKED_TRAILER_MAX : CHUNKED_LINE_MAX;
    return chunked->line > max ? -EMSGSIZE : 0;
}

static void take_framing(struct chunked *chunked, char c)
{
    chunked->line++;
    int r = check_line(chunked);
    chunked->state = r < 0 ? r : step(chunked, c);
}

static struct gale_str take_data(struct chunked *chunked, const char *data, size_t len)
{
    size_t n = chunked->left < len ? (size_t)chunked->left : len;
    chunked->left -= n;
    if (!chunked->left)
        chunked->state = DATA_CR;
    return (struct gale_str){data, n};
}

long chunked_decode(struct chunked *chunked, const char *data, size_t len,
                    struct gale_str *out_piece)
{
    size_t used = 0;
    while (used < len && chunked->state >= 0 && chunked->state != DATA && chunked->state != DONE)
        take_framing(chunked, data[used++]);
    if (chunked->state < 0)
        return chunked->state;
    *out_piece = (struct gale_str){data + used, 0};
    if (chunked->state == DATA)
        *out_piece = take_data(chunked, data + used, len - used);
    return (long)(used + out_piece->len);
}

bool chunked_is_done(const struct chunked *chunked)
{
    return chunked->state == DONE;
}

uint64_t chunked_announced(const struct chunked *chunked)
{
    return chunked->state == DATA ? chunked->left : 0;
}

size_t chunked_head(char *out, uint64_t size)
{
    int digits = 1;
    for (uint64_t rest = size >> 4; rest; rest >>= 4)
        digits++;
    for (int i = digits; i-- > 0; size >>= 4)
        out[i] = "0123456789abcdef"[size & 15];
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return (size_t)digits + 2;
}
