/* utf8.c - decoding by the table of RFC 3629, section 4. */
#include "base/utf8.h"

#include "base/macros.h"

/* One row a form: its first bytes, its length, and which second bytes it allows. The narrower
 * second bytes are what rules out overlong forms, surrogates and code points that don't exist. */
static const struct form {
    unsigned char first_min, first_max, len, second_min, second_max;
} forms[] = {
    {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static const struct form *form_of(unsigned char first)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (first >= forms[i].first_min && first <= forms[i].first_max)
            return &forms[i];
    return NULL;
}

size_t utf8_next(struct gale_str text, uint32_t *out_code)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *at = (const unsigned char *)text.at;
    const struct form *form = text.len ? form_of(at[0]) : NULL;
    if (!form || text.len < form->len)
        return 0;
    if (form->len > 1 && (at[1] < form->second_min || at[1] > form->second_max))
        return 0;
    uint32_t code = at[0] & first_bits[form->len];
    for (size_t i = 1; i < form->len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    *out_code = code;
    return form->len;
}

size_t utf8_valid_len(struct gale_str text)
{
    size_t len = 0;
    uint32_t code;
    while (len < text.len) {
        size_t n = utf8_next((struct gale_str){text.at + len, text.len - len}, &code);
        if (!n)
            break;
        len += n;
    }
    return len;
}
