/* http_token.c - the table of bytes, and words made of them. */
#include "http/http_token.h"

#include <string.h>

#include "base/str.h"

/* Sums of enum http_byte; sixteen a line, so that a byte's code is its place. */
/* clang-format off */
const uint8_t http_bytes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 10 */
    2, 7, 6, 7, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6, /* 20 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 6, 6, 6, /* 30 */
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 40 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15, /* 50 */
    7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 60 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0, /* 70 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 80 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 90 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* A0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* B0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* C0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* D0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* E0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* F0 */
};
/* clang-format on */

/* Tokens are short: a look at every byte costs less than a branch after each. */
bool http_is_token(struct gale_str text)
{
    uint8_t common = HTTP_BYTE_TOKEN;
    for (size_t i = 0; i < text.len; i++)
        common &= http_bytes[(unsigned char)text.at[i]];
    return common && text.len;
}

/* Eight bytes at once: whether one is below SP or DEL. TAB makes it look closer, too. */
static bool has_suspect(const char *at)
{
    const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t del = word ^ (ones * 0x7F);
    return (((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & highs;
}

static bool are_value_bytes(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!http_is_byte(at[i], HTTP_BYTE_VALUE))
            return false;
    return true;
}

bool http_is_field_value(struct gale_str text)
{
    enum { WORD = sizeof(uint64_t) };
    if (text.len < WORD)
        return are_value_bytes(text.at, text.len);
    const char *last = text.at + text.len - WORD; /* overlaps the one before it */
    for (const char *at = text.at; at < last; at += WORD)
        if (has_suspect(at) && !are_value_bytes(at, WORD))
            return false;
    return !has_suspect(last) || are_value_bytes(last, WORD);
}

bool http_list_next(struct gale_str *list, struct gale_str *out_element)
{
    if (!list->at)
        return false;
    *out_element = str_trim(str_cut(list, ','));
    return true;
}
