/* format.c - copying as long as there is nothing but text and %s, else leaving it to vsnprintf. */
#include "base/format.h"

#include <stdio.h>
#include <string.h>

struct room {
    char *at, *end;
};

static int put(struct room *room, const char *text, size_t len)
{
    if (!text || len >= (size_t)(room->end - room->at))
        return -1;
    room->at = mempcpy(room->at, text, len);
    return 0;
}

/* The length, or -1 where this format, these arguments or the room ask for vsnprintf. */
static int copy(struct room room, const char *format, va_list args)
{
    const char *start = room.at;
    for (;;) {
        const char *percent = strchrnul(format, '%');
        if (put(&room, format, (size_t)(percent - format)) < 0)
            return -1;
        if (!*percent)
            break;
        const char *text = percent[1] == 's' ? va_arg(args, const char *) : NULL;
        if (put(&room, text, text ? strlen(text) : 0) < 0)
            return -1;
        format = percent + 2;
    }
    *room.at = 0;
    return (int)(room.at - start);
}

int format_text(char *to, size_t size, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = size ? copy((struct room){to, to + size}, format, again) : -1;
    va_end(again);
    return n >= 0 ? n : vsnprintf(to, size, format, args);
}
