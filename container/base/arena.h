/* arena.h - memory that is given back all at once.
 *
 * A request's memory: allocation moves a pointer, nothing is freed singly, arena_reset gives
 * back everything. The first block is the caller's (usually on its stack), so a plain request
 * never reaches malloc; later blocks come from the heap and double in size.
 *
 *   first (borrowed)      block                 block
 *   [....used....|free]   [next|....used...]    [next|..used..|..free..]
 *                                                               ^ at   ^ end
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <gale/str.h>

struct arena_block;

struct arena {
    /* private */
    char *at, *end;
    char *first;
    size_t first_size;
    struct arena_block *blocks; /* newest first, owned */
    size_t total;               /* bytes of heap blocks */
};

/* `first` is borrowed until arena_finish; it may be NULL with size 0. */
void arena_init(struct arena *arena, void *first, size_t size);
/* Frees every heap block. arena_reset leaves the arena ready for use again. */
void arena_finish(struct arena *arena);
void arena_reset(struct arena *arena);

/* Memory aligned for any type, not zeroed (arena_zalloc: zeroed); never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);

/* Copies, zero-terminated behind their length. */
struct gale_str arena_copy(struct arena *arena, const char *at, size_t len);
struct gale_str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct gale_str arena_vprintf(struct arena *arena, const char *format, va_list args);
