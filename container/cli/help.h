/* help.h - what `gale help` prints: the commands, one command, one key. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct command;

/* The commands, a line each. */
void help_overview(FILE *out);
/* One command: usage, what it does, options, examples, exit codes where they differ. */
void help_command(const struct command *command, FILE *out);
/* A key of the configuration: what it does, its default, what is allowed; in each section that has
 * it. False when there is no such key. */
bool help_key(const char *key, FILE *out);
/* The key nearest to this, or NULL. */
const char *help_nearest_key(const char *key);
