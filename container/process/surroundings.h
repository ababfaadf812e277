/* surroundings.h - what a configuration takes for granted on this machine: folders of logs and
 * sockets, users, host names, addresses that don't exclude each other.
 *
 * The text may be right and still nothing can start. `gale check` and the master ask the same
 * questions here, so that what one lets pass the other does not refuse. */
#pragma once

struct config;
struct setting_errors;

enum {
    SURROUNDINGS_NO_LISTEN = 1, /* `listen` does not count: --listen takes its place */
    SURROUNDINGS_NO_ROOT = 2,   /* somebody else may start it: only root may name a user */
};

/* Adds what is missing, at the lines of the keys. May ask the resolver, and wait for it. */
void surroundings_check(const struct config *config, unsigned flags, struct setting_errors *errors);
