/* dev_terminal.h - what `gale dev` tells whoever sits at the terminal: a line a build, and what the
 * compiler found with the line where it found it. */
#pragma once
#include <stdio.h>

struct dev_notice;

void dev_terminal_print(const struct dev_notice *notice, FILE *out);
