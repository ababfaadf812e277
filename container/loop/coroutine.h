/* coroutine.h - a second stack and the switch to it; nothing about loops or waiting.
 *
 * coroutine_resume runs the coroutine until it yields or its function returns;
 * coroutine_yield goes back to whoever resumed it. Stacks come from a pool: `size` usable bytes
 * above a guard of 1 MiB that no frame steps over, reused most-recent first, given back to the
 * kernel above a watermark. This is the only file that switches stacks. Coroutines belong to the
 * one thread that makes them; on another coroutine_current is NULL. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct coroutine;

typedef void coroutine_fn(void *data);

enum {
    COROUTINE_STACK_DEFAULT = 256 * 1024,
    COROUTINE_GUARD = 1024 * 1024,
    COROUTINE_ROOM = 512,
    COROUTINE_HEADROOM = 8 * 1024 * 1024,
};

/* A coroutine that will run fn(data) when first resumed. stack_size 0 is the default, others are
 * rounded up to pages. NULL with errno when no stack can be mapped, or only
 * with what is left of a limited address space (RLIMIT_AS): the last COROUTINE_HEADROOM bytes stay
 * for memory that nobody can be refused. */
struct coroutine *coroutine_create(coroutine_fn *fn, void *data, size_t stack_size);
/* Gives the stack back. Only for one that is done or never started. */
void coroutine_destroy(struct coroutine *coroutine);
/* Not from inside a coroutine. Returns true while there is more to run. */
bool coroutine_resume(struct coroutine *coroutine);
void coroutine_yield(void); /* only inside a coroutine */
struct coroutine *coroutine_current(void);
/* COROUTINE_ROOM bytes above the stack for whoever made the coroutine: aligned to 16, not zeroed,
 * gone with coroutine_destroy. */
void *coroutine_room(struct coroutine *coroutine);

/* True if the address lies in the guard of a coroutine stack: its overflow. Safe in a signal
 * handler. */
bool coroutine_is_overflow(const struct coroutine *coroutine, const void *address);
/* Usable bytes of the coroutine's stack. */
size_t coroutine_stack_size(const struct coroutine *coroutine);
/* How many unused stacks of each size the pool keeps (default 1024); the rest is unmapped, at
 * once. Of those kept only the last used ones, 16 MiB a size, keep more than 16 KiB of memory. */
void coroutine_keep(size_t stacks);
