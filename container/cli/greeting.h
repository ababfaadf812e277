/* greeting.h - what `gale run` says on a terminal once it serves. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct config;

/* Where it serves, its apps, and what to do next. `is_plugin`: started with FILE.so. */
void greeting_print(const struct config *config, unsigned workers, bool is_plugin, FILE *out);
