/* iobuf.c - a list of free blocks threaded through the blocks themselves.
 *
 * Last given, first taken: that block is the one still in the CPU's cache. Under ASan a free block
 * is poisoned, so that whoever still looks into one is found. */
#include "net/iobuf.h"

#include <stdlib.h>

#include "base/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IOBUF_POISONS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define IOBUF_POISONS
#endif

#ifdef IOBUF_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len)   ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

struct free_block {
    struct free_block *next;
};

static struct free_block *first_free;
static size_t kept, keep_max = 256;

static void *pop(void)
{
    struct free_block *block = first_free;
    ASAN_UNPOISON_MEMORY_REGION(block, IOBUF_SIZE);
    first_free = block->next;
    kept--;
    return block;
}

char *iobuf_take(void)
{
    return first_free ? pop() : memory_alloc(IOBUF_SIZE);
}

void iobuf_give(char *block)
{
    if (!block)
        return;
    if (kept >= keep_max) {
        free(block);
        return;
    }
    struct free_block *given = (struct free_block *)(void *)block;
    given->next = first_free;
    first_free = given;
    kept++;
    /* The link stays readable: LeakSanitizer follows it to the next block. */
    ASAN_POISON_MEMORY_REGION(block + sizeof(*given), IOBUF_SIZE - sizeof(*given));
}

void iobuf_keep(size_t blocks)
{
    keep_max = blocks;
    while (kept > keep_max)
        free(pop());
}

size_t iobuf_kept(void)
{
    return kept;
}
