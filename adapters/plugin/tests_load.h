/* tests_load.h - from a file to the tests of a plugin that it holds (gale/testing.h). */
#pragma once
#include <stddef.h>
#include <gale/testing.h>

struct buffer;

/* Loads the file and checks what it says of itself. Returns its tests, or NULL after adding a
 * sentence with the next step to why. They live as long as the process. */
const struct gale_tests *tests_load(const char *path, struct buffer *why);
/* The case of that index, as this gale knows it; false behind the last. */
int tests_case(const struct gale_tests *tests, size_t index, struct gale_test_case *out_case);
