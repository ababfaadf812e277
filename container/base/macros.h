/* macros.h - the few macros of the project; there are no others outside X-macro tables.
 *
 * SUSPENDS marks a function that may park the calling task: between its call and its return any
 * other task may have run. It expands to nothing; it is there for the reader and for grep. */
#pragma once
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define SUSPENDS

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Locals that clean up after themselves: `scoped_free char *p`, `scoped_close int fd = -1`. */
#define scoped_free  __attribute__((cleanup(scoped_free_)))
#define scoped_close __attribute__((cleanup(scoped_close_)))

static inline void scoped_free_(void *p)
{
    free(*(void **)p);
}

static inline void scoped_close_(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Hands over the descriptor in *fd: returns it and leaves -1 behind. */
static inline int steal_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
