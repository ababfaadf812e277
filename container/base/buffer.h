/* buffer.h - bytes that grow.
 *
 * For text that is built piece by piece off the request path (pages, configuration, messages).
 * The bytes are always followed by a zero. A buffer owns its memory; {0} is an empty one. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <gale/str.h>

struct buffer {
    char *at; /* NULL while nothing was ever added */
    size_t len;
    /* private */
    size_t cap;
};

void buffer_finish(struct buffer *buffer);
/* Makes room for `more` bytes and a zero, returns where they go; then add to len. */
char *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_add(struct buffer *buffer, const char *at, size_t len);
void buffer_add_str(struct buffer *buffer, struct gale_str text);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list args);
/* The bytes as a view; valid until the next change. */
struct gale_str buffer_str(const struct buffer *buffer);
/* Hands over the memory (never NULL) and leaves the buffer empty. Returns owned. */
char *buffer_steal(struct buffer *buffer);
