/* exit_text.h - a process's end in words. */
#pragma once
#include <signal.h>
#include <stddef.h>

/* "exited with code 3", "was killed by SIGSEGV (core dumped)". Returns out. */
const char *exit_text(const siginfo_t *info, char *out, size_t size);
