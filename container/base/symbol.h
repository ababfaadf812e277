/* symbol.h - which function an address of code belongs to, for reports that people read.
 *
 * Names come from the loaded file's table of exported functions, and beyond it from the file on
 * disk (static functions, unless it was stripped), if it still is what was loaded. Slow: it opens
 * files. */
#pragma once
#include <stddef.h>

enum { SYMBOL_TEXT = 160 };

/* Writes "function+0x1c (file.so)"; without a name "0x1234 (file.so)", which addr2line takes; an
 * address of no file is itself alone. Returns out. */
const char *symbol_describe(const void *address, char out[SYMBOL_TEXT]);
/* A stack as backtrace(3) gives it, innermost first: its functions, separated by commas, as many as
 * fit. Returns out. */
const char *symbol_describe_stack(void *const *addresses, size_t count, char *out, size_t size);
