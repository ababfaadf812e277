/* json.h - writing JSON (RFC 8259) piece by piece; commas come by themselves.
 *
 *   json_open(&json, NULL, '{');
 *   json_text(&json, "name", "value");
 *   json_open(&json, "list", '[');     members of a list have NULL as their key
 *   json_close(&json, ']');
 *   json_close(&json, '}'); */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"

struct json {
    struct buffer *out; /* borrowed */
    bool has_member;    /* something stands before in this list or object */
};

void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
/* Bytes that are no UTF-8 become U+FFFD; NULL is null. */
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, int64_t number);
void json_flag(struct json *json, const char *key, bool flag);
/* Members of an object as they were written before, without its braces; "" is none. */
void json_members(struct json *json, const char *members);
