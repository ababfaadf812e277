/* memory.c - malloc that aborts with a word instead of returning NULL. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/board.h"

static void *checked(void *p)
{
    static const char message[] = "gale: out of memory\n";
    if (!p) {
        /* Nothing that allocates may run now; the result does not matter before abort. */
        (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
        board_mine->crash.has_no_memory = 1;
        abort();
    }
    return p;
}

void *memory_alloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *memory_zalloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *memory_realloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1));
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
    return checked(n < 0 ? NULL : text);
}
