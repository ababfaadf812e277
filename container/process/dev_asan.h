/* dev_asan.h - an app's worker under AddressSanitizer (gale dev --asan).
 *
 * gale itself is not instrumented: the plugin is, and the library that it needs is preloaded into
 * its worker, as ASan wants it. Its report goes to a file by the process's number, since the
 * terminal is for people; from there it goes to the page. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct arena;
struct buffer;
struct dev_recipe;
struct setting_pairs;

/* The environment of such a worker: `env` (may be NULL) and what ASan needs; on the arena. It is
 * `env` itself when the plugin needs no ASan. */
const struct setting_pairs *dev_asan_environment(const struct dev_recipe *recipe,
                                                 const struct setting_pairs *env,
                                                 struct arena *arena);
/* The report of that process, which is removed; NULL: it left none. Returns owned. */
char *dev_asan_take_report(const struct dev_recipe *recipe, int pid);
/* Leaves the recipe's mark, where it has one: what make will find may be built with ASan. */
void dev_asan_mark(const struct dev_recipe *recipe);
/* Removes reports that nobody took. */
void dev_asan_sweep(const struct dev_recipe *recipe);

/* Reads a report: the error in a sentence, and the stack where it happened (dev_state.h). */
void dev_asan_read(struct gale_str report, struct buffer *what, struct buffer *stack);
