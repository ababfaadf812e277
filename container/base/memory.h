/* memory.h - heap memory that is always there.
 *
 * Out of memory is not an error to handle here: these abort the process, the master starts
 * another worker and the others serve on. What a peer can make large is limited before it
 * gets this far. Free with free(). */
#pragma once
#include <stddef.h>

/* All return owned memory, never NULL. memory_alloc is not zeroed, memory_zalloc is. */
void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_realloc(void *old, size_t size) __attribute__((returns_nonnull));

/* A zero-terminated copy of `len` bytes; memory_printf formats one. */
char *memory_copy(const char *at, size_t len) __attribute__((malloc, returns_nonnull));
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc));
