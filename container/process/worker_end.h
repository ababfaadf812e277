/* worker_end.h - what is made of the end of a worker's process: a sentence, and a crash where it
 * was one. */
#pragma once
#include <signal.h>

struct worker_process;

/* Once the process is reaped and while its slot of the board is still its own. Tells the generation
 * how it ended: at once where another worker is to take its place, else when everything about a
 * crash is known, so that whoever waits for the outcome is told it. The worker's process is closed
 * by then. */
void worker_end(struct worker_process *worker, const siginfo_t *info);
