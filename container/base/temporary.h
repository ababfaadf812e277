/* temporary.h - files without a name, for what is too large for memory.
 *
 * They lie in $TMPDIR, else /tmp, and are gone with their last descriptor, however the process
 * ends. */
#pragma once

/* A new file for reading and writing (CLOEXEC, owned). Returns it, or -errno. */
int temporary_open(void);
