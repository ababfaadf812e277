/* arena.c - bump allocation over a borrowed first block and doubling heap blocks. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

enum { BLOCK_MIN = 4096, BLOCK_MAX = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

void arena_init(struct arena *arena, void *first, size_t size)
{
    *arena = (struct arena){.first = first, .first_size = size};
    arena_reset(arena);
}

void arena_finish(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->total = 0;
    arena->at = arena->end = NULL;
}

void arena_reset(struct arena *arena)
{
    arena_finish(arena);
    arena->at = arena->first;
    arena->end = arena->first ? arena->first + arena->first_size : NULL;
}

static char *aligned(const char *at)
{
    uintptr_t mask = alignof(max_align_t) - 1;
    return (char *)(((uintptr_t)at + mask) & ~mask);
}

static void grow(struct arena *arena, size_t need)
{
    size_t size = arena->total < BLOCK_MIN ? BLOCK_MIN : arena->total;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < need)
        size = need;
    struct arena_block *block = memory_alloc(sizeof(*block) + size);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->total += size;
    arena->at = (char *)block->data;
    arena->end = arena->at + size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    char *at = aligned(arena->at);
    if (unlikely(!arena->at || at > arena->end || size > (size_t)(arena->end - at))) {
        grow(arena, size);
        at = arena->at;
    }
    arena->at = at + size;
    return at;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct gale_str arena_copy(struct arena *arena, const char *at, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (len)
        memcpy(copy, at, len);
    copy[len] = 0;
    return (struct gale_str){copy, len};
}

struct gale_str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0)
        return (struct gale_str){"", 0};
    char *text = arena_alloc(arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, args);
    return (struct gale_str){text, (size_t)n};
}

struct gale_str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct gale_str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
