/* request_html.c - text made safe for HTML. */
#include <gale/request.h>

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"

static struct gale_str entity(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR("");
    }
}

struct gale_str gale_request_escape_str(struct gale_request *req, struct gale_str text)
{
    size_t len = text.len;
    for (size_t i = 0; i < text.len; i++) {
        size_t more = entity(text.at[i]).len;
        len += more ? more - 1 : 0;
    }
    char *out = arena_alloc(exchange_of_request(req)->arena, len + 1), *to = out;
    for (size_t i = 0; i < text.len; i++) {
        struct gale_str instead = entity(text.at[i]);
        if (instead.len)
            to = mempcpy(to, instead.at, instead.len);
        else
            *to++ = text.at[i];
    }
    *to = 0;
    return (struct gale_str){out, len};
}

const char *gale_request_escape(struct gale_request *req, const char *text)
{
    return gale_request_escape_str(req, str_of(text)).at;
}
