/* coroutine.h - a second stack and the switch to it; nothing about loops or waiting.
 *
 * coroutine_resume runs the coroutine until it yields or its function returns;
 * coroutine_yield goes back to whoever resumed it. Stacks come from a pool: `size` usable bytes
 * above a guard of 1 MiB that no frame steps over, reused most-recent first, given back to the
 * kernel above a watermark. This is the only file that switches stacks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct coroutine;

typedef void coroutine_fn(void *data);

enum { COROUTINE_STACK_DEFAULT = 256 * 1024, COROUTINE_GUARD = 1024 * 1024 };

/* A coroutine that will run fn(data) when first resumed. stack_size 0 is the default, others are
 * rounded up to pages. NULL with errno when no stack can be mapped. */
struct coroutine *coroutine_create(coroutine_fn *fn, void *data, size_t stack_size);
/* Gives the stack back. Only for one that is done or never started. */
void coroutine_destroy(struct coroutine *coroutine);
/* Not from inside a coroutine. Returns true while there is more to run. */
bool coroutine_resume(struct coroutine *coroutine);
void coroutine_yield(void); /* only inside a coroutine */
struct coroutine *coroutine_current(void);

/* True if the address lies in the guard of a coroutine stack: its overflow. Safe in a signal
 * handler. */
bool coroutine_is_overflow(const struct coroutine *coroutine, const void *address);
/* Usable bytes of the coroutine's stack, and how many a default one ever touched (for tests). */
size_t coroutine_stack_size(const struct coroutine *coroutine);
/* How many unused stacks of the default size the pool keeps. */
void coroutine_keep(size_t stacks);
