/* port_owner.h - which process has taken a port. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct endpoint;

struct port_owner {
    pid_t pid;
    char name[32];
};

/* Looks through /proc for who listens on the endpoint's port. False when nobody is found, or
 * nobody whose descriptors this user may see. */
bool port_owner_find(const struct endpoint *endpoint, struct port_owner *out_owner);
