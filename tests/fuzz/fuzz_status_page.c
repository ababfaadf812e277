/* Any bytes are what a control socket answers: the command prints a page of it or nothing. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/status_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *page = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&page, &len);
    int r = status_page_print(text, out);
    fclose(out);
    assert(r == (len ? 0 : -EPROTO) || (r == 0 && !len));
    free(page);
    free(text);
    return 0;
}
