/* status_page.h - the JSON of a running gale (process/control.h) as a page for people. */
#pragma once
#include <stdio.h>

/* Returns 0, or -EPROTO when the text is not such a status; then nothing is written. */
int status_page_print(const char *json, FILE *out);
