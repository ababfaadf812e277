/* pid_file.h - the file that says which process is the master. */
#pragma once
#include <sys/types.h>

/* Writes this process's id, whole or not at all. A file left by a process that is gone is replaced;
 * one that names a running gale is -EEXIST with its id in *out_owner. Returns 0 or -errno. */
int pid_file_write(const char *path, pid_t *out_owner);
/* Removes the file if it still names this process. */
void pid_file_remove(const char *path);
