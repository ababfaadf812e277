/* json.c - escaping, and where commas go. */
#include "process/json.h"

#include "base/str.h"
#include "base/utf8.h"

static void put_string(struct buffer *out, struct gale_str text)
{
    buffer_add(out, "\"", 1);
    while (text.len) {
        uint32_t code;
        size_t len = utf8_next(text, &code);
        if (!len)
            buffer_add_text(out, "\\ufffd");
        else if (code == '"' || code == '\\')
            buffer_printf(out, "\\%c", (int)code);
        else if (code < 0x20 || code == 0x7F)
            buffer_printf(out, "\\u%04x", (unsigned)code);
        else
            buffer_add(out, text.at, len);
        text.at += len ? len : 1;
        text.len -= len ? len : 1;
    }
    buffer_add(out, "\"", 1);
}

static void begin(struct json *json, const char *key)
{
    if (json->has_member)
        buffer_add(json->out, ",", 1);
    json->has_member = true;
    if (!key)
        return;
    put_string(json->out, str_of(key));
    buffer_add(json->out, ":", 1);
}

void json_open(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    buffer_add(json->out, &bracket, 1);
    json->has_member = false;
}

void json_close(struct json *json, char bracket)
{
    buffer_add(json->out, &bracket, 1);
    json->has_member = true;
}

void json_text(struct json *json, const char *key, const char *text)
{
    begin(json, key);
    if (text)
        put_string(json->out, str_of(text));
    else
        buffer_add_text(json->out, "null");
}

void json_number(struct json *json, const char *key, int64_t number)
{
    begin(json, key);
    buffer_printf(json->out, "%lld", (long long)number);
}

void json_flag(struct json *json, const char *key, bool flag)
{
    begin(json, key);
    buffer_add_text(json->out, flag ? "true" : "false");
}

void json_members(struct json *json, const char *members)
{
    if (!*members)
        return;
    begin(json, NULL);
    buffer_add_text(json->out, members);
}
