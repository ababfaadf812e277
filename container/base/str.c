/* str.c - comparing, cutting and reading numbers from views of bytes. */
#include "base/str.h"

#include <errno.h>

static unsigned char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool str_equals_nocase(struct gale_str a, struct gale_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool str_starts_with(struct gale_str text, struct gale_str prefix)
{
    return text.len >= prefix.len && memcmp(text.at, prefix.at, prefix.len) == 0;
}

bool str_ends_with(struct gale_str text, struct gale_str suffix)
{
    return text.len >= suffix.len &&
           memcmp(text.at + text.len - suffix.len, suffix.at, suffix.len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct gale_str str_trim(struct gale_str text)
{
    while (text.len && is_blank(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

struct gale_str str_cut(struct gale_str *rest, char c)
{
    const char *at = str_find(*rest, c);
    struct gale_str piece = *rest;
    if (!at) {
        *rest = (struct gale_str){NULL, 0};
        return piece;
    }
    piece.len = (size_t)(at - piece.at);
    *rest = (struct gale_str){at + 1, rest->len - piece.len - 1};
    return piece;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    unsigned char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

int str_to_u64(struct gale_str text, uint64_t *out_value)
{
    uint64_t value = 0;
    bool is_too_large = false;
    if (!text.len)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.at[i] - '0');
        if (digit > 9)
            return -EINVAL; /* also behind digits that are too many */
        is_too_large |= __builtin_mul_overflow(value, 10, &value);
        is_too_large |= __builtin_add_overflow(value, digit, &value);
    }
    if (is_too_large)
        return -ERANGE;
    *out_value = value;
    return 0;
}
