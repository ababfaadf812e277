/* dev_toolchain.h - what only compilers themselves can tell, for `gale dev --asan`.
 *
 * gcc links ASan's library to what it makes; clang does so only when told to, and keeps it where
 * nobody else looks. A compiler is run and waited for, a few milliseconds, once for each question:
 * answers are kept. */
#pragma once
#include <stdbool.h>

/* Whether that is clang: what $CC or $CXX says, "cc" or "ccache clang -m32". */
bool dev_toolchain_is_clang(const char *compiler);
/* The path of a library that one of the compilers at hand brings with it, or NULL. Static memory.
 */
const char *dev_toolchain_find_library(const char *name);
