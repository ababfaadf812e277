/* buffer.c - doubling growth behind one pointer. */
#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void buffer_finish(struct buffer *buffer)
{
    free(buffer->at);
    *buffer = (struct buffer){0};
}

char *buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t need = buffer->len + more + 1;
    if (need > buffer->cap) {
        size_t cap = buffer->cap ? buffer->cap * 2 : 64;
        buffer->cap = cap > need ? cap : need;
        buffer->at = memory_realloc(buffer->at, buffer->cap);
        buffer->at[buffer->len] = 0;
    }
    return buffer->at + buffer->len;
}

void buffer_add(struct buffer *buffer, const char *at, size_t len)
{
    char *to = buffer_reserve(buffer, len);
    if (len)
        memcpy(to, at, len);
    to[len] = 0;
    buffer->len += len;
}

void buffer_add_str(struct buffer *buffer, struct gale_str text)
{
    buffer_add(buffer, text.at, text.len);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0)
        return;
    char *to = buffer_reserve(buffer, (size_t)n);
    vsnprintf(to, (size_t)n + 1, format, args);
    buffer->len += (size_t)n;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_vprintf(buffer, format, args);
    va_end(args);
}

struct gale_str buffer_str(const struct buffer *buffer)
{
    return (struct gale_str){buffer->at ? buffer->at : "", buffer->len};
}

char *buffer_steal(struct buffer *buffer)
{
    buffer_reserve(buffer, 0);
    char *at = buffer->at;
    *buffer = (struct buffer){0};
    return at;
}
