/* target.h - which running instance a command means.
 *
 * `--control PATH` names its socket, CONF the configuration (or plugin) that it serves; without
 * either it is the only one of this user. */
#pragma once
#include <sys/types.h>
#include "process/instance.h"

struct command_line;

struct target {
    char control[INSTANCE_PATH];
    pid_t pid; /* of the master; 0: in another PID namespace */
};

/* Finds it. Returns COMMAND_OK, or what to exit with after saying on standard error why there is
 * none and what to do. */
int target_find(const struct command_line *line, struct target *out_target);
/* Asks it; what goes wrong on the way is said on standard error. Returns COMMAND_OK or what to exit
 * with. */
struct control_answer;
int target_ask(const struct command_line *line, const struct target *target, const char *method,
               const char *path, struct control_answer *out_answer);
