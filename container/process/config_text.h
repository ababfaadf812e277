/* config_text.h - a configuration's text on its way to workers, and what is wrong with it. */
#pragma once
#include <gale/str.h>

struct setting_errors;

/* The text as workers will read it: nobody can change it any more. Returns a descriptor (owned,
 * CLOEXEC), or -errno. */
int config_text_seal(struct gale_str text);
/* Everything that is wrong, a line each, without the last newline; owned. */
char *config_text_errors(const struct setting_errors *errors);
