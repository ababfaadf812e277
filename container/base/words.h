/* words.h - a command line as words, split as a shell would, without a shell.
 *
 *   php-cgi -d 'error_log=/var/log/a b.log' "it's"   ->   php-cgi, -d, error_log=/var/log/a b.log,
 *                                                         it's
 *
 * Blanks separate, '...' and "..." keep together, a backslash takes what follows it as it is
 * (within "..." only before " \ $ and `). Nothing is expanded: no variables, no patterns, no ~. */
#pragma once
#include <stddef.h>

struct arena;

/* Splits the text; the words are on the arena, ended by NULL. Returns how many there are, or
 * -EINVAL with what is wrong in *out_why (static storage). */
int words_split(const char *text, struct arena *arena, const char ***out_words,
                const char **out_why);
