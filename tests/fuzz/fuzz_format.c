/* Any text with %s in it, and any texts for those: the same as vsnprintf makes of it, in as much
 * room as there is.
 *
 * The first byte is the room; then lines: four texts and the format, in which conversions are made
 * such as take a text. */
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS = 4, WIDTH = 2 };

/* Makes of what follows a % flags, width and precision of a text, and no more than there are. */
static char *make_format(struct gale_str text)
{
    char *format = malloc(text.len * 2 + 2), *to = format;
    int count = 0, digits = 0;
    bool is_within = false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        bool is_digit = byte >= '0' && byte <= '9' && ++digits <= WIDTH;
        if (!is_within && byte == '%')
            is_within = ++count <= TEXTS, digits = 0;
        else if (is_within && byte != '-' && byte != '.' && !is_digit)
            is_within = false, *to++ = 's';
        if (byte && (byte != '%' || is_within))
            *to++ = byte;
    }
    if (is_within)
        *to++ = 's';
    *to = 0;
    return format;
}

static void check(char *expected, char *got, size_t room, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int wanted = vsnprintf(expected, room, format, args);
    assert(format_text(got, room, format, again) == wanted);
    assert(!room || strcmp(expected, got) == 0);
    va_end(again);
    va_end(args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *texts[TEXTS];
    if (!size)
        return 0;
    size_t room = data[0];
    struct gale_str rest = {(const char *)data + 1, size - 1};
    for (int i = 0; i < TEXTS; i++) {
        struct gale_str line = str_cut(&rest, '\n');
        texts[i] = line.len ? strndup(line.at, line.len) : strdup("");
    }
    char *format = make_format(rest), *expected = malloc(room + 1), *got = malloc(room ? room : 1);
    check(expected, got, room, format, texts[0], texts[1], texts[2], texts[3]);
    for (int i = 0; i < TEXTS; i++)
        free(texts[i]);
    free(format);
    free(expected);
    free(got);
    return 0;
}
