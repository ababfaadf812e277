/* confinement.h - what an isolated app's worker gives up before it loads any code of others.
 *
 *   RLIMIT_*           memory, files, max_processes
 *   no_new_privs       no set-user-id program helps it to more rights; always
 *   Landlock           `read` and `write`: the rest of the file system is not there, or cannot be
 *                      changed
 *
 * What is open already, logs, board and sockets, is not concerned. */
#pragma once

struct app_config;

/* Applies all of it, for good. What the kernel has no means for is logged and left out. Returns 0
 * or -errno, after logging what failed. */
int confinement_apply(const struct app_config *app);
