/* Every format comes out as vsnprintf would have it, whatever the room. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/macros.h"

static int ours(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = format_text(to, size, format, args);
    va_end(args);
    return n;
}

static int theirs(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(to, size, format, args);
    va_end(args);
    return n;
}

/* All take two strings and a number, of which they may use what comes first. */
static const char *const formats[] = {
    "",         "hello",   "%s",      "hello, %s\n", "%s%s", "%s and %s.", "%%",   "100%% %s",
    "%s %s %d", "%10s|%s", "%.2s|%s", "%s%s%%",      "%-8s", "%s %s %05d", "%s %",
};
static const char *const words[] = {"", "x", "world", "a rather long text, longer than most rooms"};

START_TEST(is_vsnprintf)
{
    for (size_t f = 0; f < ARRAY_LEN(formats); f++)
        for (size_t w = 0; w < ARRAY_LEN(words); w++)
            for (size_t size = 0; size < 64; size++) {
                char is[64], wanted[64];
                memset(is, '#', sizeof(is));
                memset(wanted, '#', sizeof(wanted));
                int n = ours(is, size, formats[f], words[w], words[1], 7);
                ck_assert_int_eq(n, theirs(wanted, size, formats[f], words[w], words[1], 7));
                if (n >= 0 && size)
                    ck_assert_msg(strcmp(is, wanted) == 0, "%s: %s", formats[f], is);
                ck_assert_int_eq(is[size], '#');
            }
}
END_TEST

START_TEST(takes_null)
{
    char is[32], wanted[32];
    const char *none = NULL;
    ck_assert_int_eq(ours(is, sizeof(is), "[%s]", none),
                     theirs(wanted, sizeof(wanted), "[%s]", none));
    ck_assert_str_eq(is, wanted);
}
END_TEST

UNIT_MAIN(is_vsnprintf, takes_null)
