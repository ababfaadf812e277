/* probe.h - what a plugin says of itself, asked in a process of its own.
 *
 * For `gale run FILE.so`, where no configuration says it. Its code runs with the rights of whoever
 * asks. */
#pragma once
#include <stdbool.h>

/* Whether the plugin blocks while it serves (GALE_BLOCKING). False, too, for one that cannot be
 * loaded: whoever opens it tells why. To be called while the process has neither threads nor a
 * loop. */
bool probe_blocks(const char *path);
