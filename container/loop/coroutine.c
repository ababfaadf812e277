/* coroutine.c - the stacks of coroutines and the switch between them.
 *
 * A stack is one mapping; what belongs to a coroutine lies at the top of it, so that a pooled one
 * starts without any allocation:
 *
 *   base                                                                      end of the mapping
 *   [ guard, PROT_NONE, 1 MiB ][ stack, grows down ...        ][ room ][ struct coroutine ][ pad ]
 *                                                   last page: [------------------------------- ]
 *
 * The pad is different from stack to stack: with all tops at the same place of a page, they would
 * share a few sets of the CPU's caches.
 *
 * Unused stacks wait in a pool for their size, the last used in front. Only the front ones are
 * "warm"; one that slides behind the warm ones gives all but its top pages back. It slides there
 * once for each time it was used, so a steady load makes no system call. */
#include "loop/coroutine.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/list.h"
#include "base/macros.h"
#include "loop/coroutine_annotate.h"

enum {
    POOLS = 8, /* stack sizes that have one; stacks of further sizes are not pooled */
    KEEP_DEFAULT = 1024,
    WARM_BYTES = 16 * 1024 * 1024,
    COLD_BYTES = 16 * 1024, /* what a stack that is not warm keeps */
};

struct pool {
    size_t size, count;
    struct list unused;
    struct list *edge; /* the first that is not warm, or &unused */
};

struct coroutine {
    void *sp, *caller_sp;
    coroutine_fn *fn;
    void *data;
    char *base;
    size_t size;
    bool is_started, is_done;
    bool is_trimmed;   /* not used since it gave its pages back */
    struct pool *pool; /* NULL: none for this size */
    struct list link;  /* in the pool */
    struct annotation annotation;
};

static_assert(COROUTINE_ROOM % 64 == 0, "the stack below stays aligned");

static _Thread_local struct coroutine *current;

static struct pool pools[POOLS];
static size_t keep = KEEP_DEFAULT;
static size_t page_size;

/* ---- mapping ---- */

static char *stack_bottom(const struct coroutine *coroutine)
{
    return coroutine->base + COROUTINE_GUARD;
}

static size_t mapping_size(size_t size)
{
    return COROUTINE_GUARD + size + page_size;
}

static struct coroutine *place(char *base, size_t size)
{
    static unsigned turn;
    enum { PAD = 192, PADS = 16 };
    static_assert(PAD * PADS + COROUTINE_ROOM + 256 <= 4096 && sizeof(struct coroutine) <= 256,
                  "the stack has its full size below the last page");
    char *end = base + mapping_size(size) - PAD * (turn++ % PADS);
    struct coroutine *coroutine = (struct coroutine *)(end - (sizeof(*coroutine) + 63) / 64 * 64);
    *coroutine = (struct coroutine){.base = base, .size = size, .is_trimmed = true};
    list_init(&coroutine->link);
    return coroutine;
}

static char *reserve(size_t size)
{
    return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1,
                0);
}

/* Where address space is limited, stacks don't take the last of it: a stack that cannot be had
 * costs one request, memory that cannot be had all of its process. */
static bool has_headroom(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return true;
    char *headroom = reserve(COROUTINE_HEADROOM);
    if (headroom == MAP_FAILED)
        return false;
    munmap(headroom, COROUTINE_HEADROOM);
    return true;
}

static struct coroutine *map(size_t size)
{
    char *base = reserve(mapping_size(size));
    if (base == MAP_FAILED)
        return NULL;
    if (!has_headroom() ||
        mprotect(base + COROUTINE_GUARD, size + page_size, PROT_READ | PROT_WRITE) < 0) {
        int error = errno;
        munmap(base, mapping_size(size));
        errno = error;
        return NULL;
    }
    struct coroutine *coroutine = place(base, size);
    annotate_map(&coroutine->annotation, stack_bottom(coroutine), size + page_size);
    return coroutine;
}

static void unmap(struct coroutine *coroutine)
{
    annotate_unmap(&coroutine->annotation);
    munmap(coroutine->base, mapping_size(coroutine->size));
}

static void trim(struct coroutine *coroutine)
{
    if (coroutine->is_trimmed || coroutine->size <= COLD_BYTES)
        return;
    madvise(stack_bottom(coroutine), coroutine->size - COLD_BYTES, MADV_DONTNEED);
    coroutine->is_trimmed = true;
}

/* ---- the pools ---- */

static struct pool *pool_of(size_t size)
{
    for (struct pool *pool = pools; pool < pools + POOLS; pool++) {
        if (pool->size == size)
            return pool;
        if (pool->size == 0) {
            pool->size = size;
            list_init(&pool->unused);
            pool->edge = &pool->unused;
            return pool;
        }
    }
    return NULL;
}

static size_t warm_count(const struct pool *pool)
{
    return pool->size < WARM_BYTES ? WARM_BYTES / pool->size : 1;
}

static struct coroutine *pool_take(struct pool *pool)
{
    struct list *link = list_pop(&pool->unused);
    if (!link)
        return NULL;
    pool->count--;
    if (pool->edge != &pool->unused)
        pool->edge = pool->edge->next;
    return container_of(link, struct coroutine, link);
}

static void pool_drop_last(struct pool *pool)
{
    struct list *link = pool->unused.prev;
    if (pool->edge == link)
        pool->edge = &pool->unused;
    list_remove(link);
    pool->count--;
    unmap(container_of(link, struct coroutine, link));
}

static void pool_put(struct pool *pool, struct coroutine *coroutine)
{
    list_prepend(&pool->unused, &coroutine->link);
    pool->count++;
    if (pool->count > keep)
        pool_drop_last(pool);
    if (pool->count > warm_count(pool)) {
        pool->edge = pool->edge->prev;
        trim(container_of(pool->edge, struct coroutine, link));
    }
}

void coroutine_keep(size_t stacks)
{
    keep = stacks;
    for (struct pool *pool = pools; pool < pools + POOLS && pool->size; pool++)
        while (pool->count > keep)
            pool_drop_last(pool);
}

/* ---- life ---- */

/* The assembly's; the layout of `struct frame` is theirs. */
void coroutine_switch(void **out_sp, void *sp);
void coroutine_start(void);
void coroutine_main(struct coroutine *coroutine) __attribute__((noreturn, visibility("hidden")));

#if defined(__x86_64__)
struct frame {
    uint32_t mxcsr, x87;
    void *r15, *r14, *r13, *r12, *rbx, *rbp, *pc;
};

/* The control words as the ABI has them at the start of a process. */
static struct frame first_frame(struct coroutine *coroutine)
{
    return (struct frame){
        .mxcsr = 0x1f80, .x87 = 0x37f, .rbx = coroutine, .pc = (void *)coroutine_start};
}
#elif defined(__aarch64__)
struct frame {
    void *x29, *pc, *x19, *rest[9];
    uint64_t d[8], fpcr, unused;
};

static struct frame first_frame(struct coroutine *coroutine)
{
    return (struct frame){.x19 = coroutine, .pc = (void *)coroutine_start};
}
#else
#error "write coroutine_ARCH.S and its first_frame for this architecture"
#endif

static_assert(sizeof(struct frame) % 16 == 0, "the ABI aligns stacks to 16");

static char *stack_top(struct coroutine *coroutine)
{
    return (char *)coroutine - COROUTINE_ROOM;
}

static void prime(struct coroutine *coroutine)
{
    struct frame *frame = (struct frame *)stack_top(coroutine) - 1;
    *frame = first_frame(coroutine);
    coroutine->sp = frame;
}

static size_t round_size(size_t size)
{
    if (!page_size)
        page_size = (size_t)sysconf(_SC_PAGESIZE);
    if (size == 0)
        return COROUTINE_STACK_DEFAULT;
    if (size > SIZE_MAX / 2)
        size = SIZE_MAX / 2; /* which mmap refuses */
    return (size + page_size - 1) / page_size * page_size;
}

struct coroutine *coroutine_create(coroutine_fn *fn, void *data, size_t stack_size)
{
    size_t size = round_size(stack_size);
    struct pool *pool = pool_of(size);
    struct coroutine *coroutine = pool ? pool_take(pool) : NULL;
    if (!coroutine)
        coroutine = map(size);
    if (!coroutine)
        return NULL;
    coroutine->pool = pool;
    coroutine->fn = fn;
    coroutine->data = data;
    coroutine->is_started = coroutine->is_done = coroutine->is_trimmed = false;
    prime(coroutine);
    return coroutine;
}

void coroutine_destroy(struct coroutine *coroutine)
{
    assert(coroutine->is_done || !coroutine->is_started);
    if (coroutine->pool)
        pool_put(coroutine->pool, coroutine);
    else
        unmap(coroutine);
}

/* ---- running ---- */

bool coroutine_resume(struct coroutine *coroutine)
{
    assert(!current && !coroutine->is_done);
    coroutine->is_started = true;
    current = coroutine;
    annotate_enter(&coroutine->annotation);
    coroutine_switch(&coroutine->caller_sp, coroutine->sp);
    annotate_returned(&coroutine->annotation);
    current = NULL;
    return !coroutine->is_done;
}

void coroutine_yield(void)
{
    struct coroutine *coroutine = current;
    annotate_leave(&coroutine->annotation, false);
    coroutine_switch(&coroutine->sp, coroutine->caller_sp);
    annotate_resumed(&coroutine->annotation);
}

/* Where a coroutine begins and ends. */
__attribute__((no_sanitize("address"))) void coroutine_main(struct coroutine *coroutine)
{
    annotate_resumed(&coroutine->annotation);
    coroutine->fn(coroutine->data);
    coroutine->is_done = true;
    annotate_leave(&coroutine->annotation, true);
    coroutine_switch(&coroutine->sp, coroutine->caller_sp);
    abort(); /* nobody resumes what is done */
}

struct coroutine *coroutine_current(void)
{
    return current;
}

void *coroutine_room(struct coroutine *coroutine)
{
    return stack_top(coroutine);
}

bool coroutine_is_overflow(const struct coroutine *coroutine, const void *address)
{
    const char *at = address;
    return coroutine && at >= coroutine->base && at < coroutine->base + COROUTINE_GUARD;
}

size_t coroutine_stack_size(const struct coroutine *coroutine)
{
    return coroutine->size;
}
