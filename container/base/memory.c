/* memory.c - malloc that aborts with a word instead of returning NULL. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/board.h"
#include "base/crash_record.h"

/* Nothing that allocates may run now; the result of write does not matter before abort. */
static void *checked(void *p, size_t size)
{
    static char text[80] = "gale: out of memory";
    if (p)
        return p;
    if (size)
        snprintf(text, sizeof(text), "gale: out of memory: there are no %zu bytes", size);
    (void)!write(STDERR_FILENO, text, strlen(text));
    (void)!write(STDERR_FILENO, "\n", 1);
    crash_sources.own_message = text + strlen("gale: ");
    board_mine->crash.has_no_memory = 1;
    abort();
}

void *memory_alloc(size_t size)
{
    return checked(malloc(size ? size : 1), size);
}

void *memory_zalloc(size_t size)
{
    return checked(calloc(1, size ? size : 1), size);
}

void *memory_realloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1), size);
}

char *memory_copy(const char *at, size_t len)
{
    char *copy = memory_alloc(len + 1);
    if (len)
        memcpy(copy, at, len);
    copy[len] = 0;
    return copy;
}

char *memory_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return checked(n < 0 ? NULL : text, 0);
}
