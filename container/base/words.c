/* words.c - one pass over the text, each word written over a copy that is never shorter. */
#include "base/words.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"

static const char blanks[] = " \t\r\n";

/* What stands between two quotes, from behind the first. Returns behind the second, NULL without
 * one. */
static const char *copy_quoted(const char *at, char quote, char **to)
{
    for (; *at && *at != quote; at++) {
        if (quote == '"' && *at == '\\' && at[1] && strchr("\"\\$`", at[1]))
            at++;
        *(*to)++ = *at;
    }
    return *at ? at + 1 : NULL;
}

/* One word; returns what follows it, or NULL with *out_why. */
static const char *copy_word(const char *at, char **to, const char **out_why)
{
    while (*at && !strchr(blanks, *at)) {
        char c = *at++;
        if (c == '\'' || c == '"') {
            at = copy_quoted(at, c, to);
            *out_why = "a quote is not closed";
        } else if (c == '\\' && !*at) {
            at = NULL;
            *out_why = "nothing follows the last backslash";
        } else {
            *(*to)++ = c == '\\' ? *at++ : c;
        }
        if (!at)
            return NULL;
    }
    *(*to)++ = 0;
    return at;
}

int words_split(const char *text, struct arena *arena, const char ***out_words,
                const char **out_why)
{
    size_t len = strlen(text), count = 0;
    /* A word takes a byte and a blank at least, and its zero stands where its blank was. */
    const char **words = arena_alloc(arena, (len / 2 + 2) * sizeof(*words));
    char *to = arena_alloc(arena, len + 1);
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        words[count++] = to;
        text = copy_word(text, &to, out_why);
        if (!text)
            return -EINVAL;
    }
    words[count] = NULL;
    *out_words = words;
    return (int)count;
}
