/* lease.h - telling whether somebody is at writing a file, and keeping writers out for a moment.
 *
 * While a lease (fcntl F_SETLEASE) is held, whoever opens the file for writing, or truncates it,
 * waits: so it is to be short. The kernel gives leases to the file's owner and to root, on local
 * file systems; elsewhere nothing can be told. */
#pragma once
#include <stdbool.h>

/* Returns 0: nobody has the file open for writing, nor will before lease_end; -EBUSY: somebody has;
 * or another -errno: it cannot be told here. `fd` is open for reading only. */
int lease_begin(int fd);
void lease_end(int fd);
/* Whether it can be told that somebody has the file open for writing. */
bool lease_is_written(const char *path);
