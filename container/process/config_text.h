/* config_text.h - where a master's configuration comes from. */
#pragma once
#include <gale/str.h>

struct master_options;
struct setting_errors;

/* What the options hold, or what their file holds now. `at` is owned; adds to errors what cannot be
 * read. */
struct gale_str config_text_load(const struct master_options *options,
                                 struct setting_errors *errors);
