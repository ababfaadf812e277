/* utf8.h - is this text?
 *
 * gale guesses no charset: what a peer sent stays bytes. Only what people read, logs and
 * configuration files, is asked whether its bytes above 0x7F are well-formed UTF-8. */
#pragma once
#include <stdint.h>
#include <gale/str.h>

/* The length of the well-formed character (RFC 3629: no overlong form, no surrogate, none above
 * U+10FFFF) that text starts with, and its code point; 0 where there is none. */
size_t utf8_next(struct gale_str text, uint32_t *out_code);
/* The number of bytes up to the first one that is not well-formed. */
size_t utf8_valid_len(struct gale_str text);
