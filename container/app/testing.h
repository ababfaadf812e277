/* testing.h - struct gale_test: one test of a plugin while it runs. Its face is gale/testing.h.
 *
 * Failures are written where they are seen, as lines, so that they outlive a crash right behind
 * them. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <gale/testing.h>
#include "base/list.h"

struct router;

struct gale_test {
    struct gale_app *app;  /* borrowed */
    struct router *router; /* borrowed: who serves */
    FILE *out;             /* borrowed: what failed, a line each */
    size_t failures;
    struct list kept; /* what was handed to the test */
};

void testing_init(struct gale_test *test, struct gale_app *app, struct router *router, FILE *out);
void testing_finish(struct gale_test *test);
