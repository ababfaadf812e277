/* http_token.h - the letters and words that fields are made of (RFC 9110 5.5, 5.6). Pure.
 *
 * One table says of each byte what it may be; every check of the layer reads that table. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/str.h>

enum http_byte {
    HTTP_BYTE_TOKEN = 1,  /* tchar */
    HTTP_BYTE_VALUE = 2,  /* TAB, SP and up, but not DEL */
    HTTP_BYTE_TARGET = 4, /* above SP, but not DEL */
    HTTP_BYTE_HOST = 8,   /* unreserved: letters, digits, - . _ ~ */
};
extern const uint8_t http_bytes[256];

static inline bool http_is_byte(char c, enum http_byte kind)
{
    return http_bytes[(unsigned char)c] & kind;
}

/* tchar+ (RFC 9110 5.6.2). */
bool http_is_token(struct gale_str text);
/* What may stand in a field value: TAB, SP and up, but not DEL; "" too. */
bool http_is_field_value(struct gale_str text);

/* Takes the next element, trimmed, off a comma-separated list (RFC 9110 5.6.1). Empty elements
 * are handed out like others. Returns false when the list has no more. */
bool http_list_next(struct gale_str *list, struct gale_str *out_element);
