/* out_of_memory.h - whether the kernel's OOM killer was at work.
 *
 * The kernel counts what it kills for lack of memory: for each cgroup, and for all of the machine.
 * SIGKILL tells nobody who sent it, but a count that has risen meanwhile does. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct out_of_memory {
    char path[512];    /* the file that counts for this process's cgroup */
    int64_t count;     /* when last looked at; -1: nobody counts */
    int64_t unclaimed; /* kills of which nobody's end was explained yet */
    int64_t unclaimed_ms;
};

/* Finds the counter and takes it as it is. */
void out_of_memory_init(struct out_of_memory *state);
/* Looks now and then: what was killed long before a child's end does not explain it. */
void out_of_memory_look(struct out_of_memory *state);
/* A child has just been found killed: whether that was for lack of memory. */
bool out_of_memory_explains(struct out_of_memory *state);

/* The number behind "oom_kill " at the start of a line of the file, or -1. */
int64_t out_of_memory_read(const char *path);
