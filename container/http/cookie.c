/* cookie.c - pieces are decoded in place, in one copy of each field.
 *
 * Unquoting never lengthens, and behind each name and value stands a byte that is no longer needed
 * (a blank, '=', ';', a quote, or the copy's own zero): that is where the zero goes. */
#include "http/cookie.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_date.h"
#include "http/http_parse.h"
#include "http/http_token.h"

static const int64_t EXPIRES_MAX = 253402300799; /* the last second of 9999 */

static bool is_cookie_field(const struct http_header *header)
{
    return str_equals_nocase(header->name, STR("Cookie"));
}

static size_t count_pieces(struct gale_str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == ';';
    return n;
}

static bool is_octal(char c, char max)
{
    return c >= '0' && c <= max;
}

/* \" and \\ and \x stand for the byte behind the backslash, \ooo (up to \377) for that byte. */
static struct gale_str unquote(struct gale_str value)
{
    if (value.len < 2 || value.at[0] != '"' || value.at[value.len - 1] != '"')
        return value;
    const char *in = value.at + 1, *end = value.at + value.len - 1;
    char *start = (char *)value.at, *out = start;
    while (in < end) {
        if (*in != '\\' || end - in < 2) {
            *out++ = *in++;
        } else if (end - in >= 4 && is_octal(in[1], '3') && is_octal(in[2], '7') &&
                   is_octal(in[3], '7')) {
            *out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 4;
        } else {
            *out++ = in[1];
            in += 2;
        }
    }
    return (struct gale_str){start, (size_t)(out - start)};
}

static struct gale_str ended(struct gale_str text)
{
    ((char *)text.at)[text.len] = 0;
    return text;
}

/* Splits one field (a copy that may be written to) into cookies; returns how many. */
static size_t split(struct gale_str field, struct cookie *out)
{
    size_t n = 0;
    while (field.at) {
        struct gale_str value = str_cut(&field, ';'), name = str_cut(&value, '=');
        if (!value.at) { /* no '=': a value without a name */
            value = name;
            name.len = 0;
        }
        name = str_trim(name);
        value = str_trim(value);
        if (!name.len && !value.len)
            continue;
        value = ended(unquote(value));
        out[n++] = (struct cookie){name.len ? ended(name) : STR(""), value};
    }
    return n;
}

void cookies_parse(const struct http_header *headers, size_t header_count, struct arena *arena,
                   struct cookies *out_cookies)
{
    size_t max = 0, count = 0;
    for (size_t i = 0; i < header_count; i++)
        max += is_cookie_field(&headers[i]) ? count_pieces(headers[i].value) : 0;
    *out_cookies = (struct cookies){0};
    if (!max)
        return;
    struct cookie *at = arena_alloc(arena, max * sizeof(*at));
    for (size_t i = 0; i < header_count; i++)
        if (is_cookie_field(&headers[i]))
            count +=
                split(arena_copy(arena, headers[i].value.at, headers[i].value.len), at + count);
    *out_cookies = (struct cookies){at, count};
}

const struct cookie *cookies_find(const struct cookies *cookies, struct gale_str name)
{
    for (size_t i = cookies->count; i > 0; i--)
        if (str_equals(cookies->at[i - 1].name, name))
            return &cookies->at[i - 1];
    return NULL;
}

static bool is_control(unsigned char c)
{
    return c < ' ' || c == 0x7f;
}

/* cookie-octet (RFC 6265 4.1.1): what needs no quotes. */
static bool is_cookie_octet(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

static bool has_control(struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_control((unsigned char)text.at[i]))
            return true;
    return false;
}

static bool is_attribute(struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c <= ' ' || c >= 0x7f || c == ';')
            return false;
    }
    return true;
}

/* Browsers match these prefixes without case (RFC 6265bis 5.7). */
static bool has_prefix(struct gale_str name, struct gale_str prefix)
{
    return name.len >= prefix.len &&
           str_equals_nocase((struct gale_str){name.at, prefix.len}, prefix);
}

static bool is_kept_by_browsers(const struct cookie_settings *s)
{
    if (s->is_secure)
        return !has_prefix(s->name, STR("__Host-")) ||
               (!s->domain.len && s->path.len == 1 && s->path.at[0] == '/');
    return s->same_site != COOKIE_SAME_SITE_NONE && !has_prefix(s->name, STR("__Secure-")) &&
           !has_prefix(s->name, STR("__Host-"));
}

static bool is_valid(const struct cookie_settings *s)
{
    return http_is_token(s->name) && !has_control(s->value) && is_attribute(s->path) &&
           is_attribute(s->domain) &&
           (!s->has_expires || (s->expires >= 0 && s->expires <= EXPIRES_MAX)) &&
           is_kept_by_browsers(s);
}

/* The value as the reader gives it back: quoted when a byte needs it, such bytes as \ooo. */
static struct gale_str quote(struct gale_str value, struct arena *arena)
{
    size_t special = 0;
    for (size_t i = 0; i < value.len; i++)
        special += !is_cookie_octet((unsigned char)value.at[i]);
    if (!special)
        return value;
    char *text = arena_alloc(arena, value.len + 3 * special + 2), *out = text;
    *out++ = '"';
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (is_cookie_octet(c) || c == ' ') {
            *out++ = (char)c;
        } else {
            *out++ = '\\';
            *out++ = (char)('0' + (c >> 6));
            *out++ = (char)('0' + (c >> 3 & 7));
            *out++ = (char)('0' + (c & 7));
        }
    }
    *out++ = '"';
    return (struct gale_str){text, (size_t)(out - text)};
}

int cookie_build(const struct cookie_settings *settings, struct arena *arena,
                 struct gale_str *out_value)
{
    static const char *const same_site[] = {
        [COOKIE_SAME_SITE_UNSET] = "",
        [COOKIE_SAME_SITE_LAX] = "; SameSite=Lax",
        [COOKIE_SAME_SITE_STRICT] = "; SameSite=Strict",
        [COOKIE_SAME_SITE_NONE] = "; SameSite=None",
    };
    const struct cookie_settings *s = settings;
    char max_age[32] = "", expires[HTTP_DATE_LEN + 1] = "";
    if (!is_valid(s) || (size_t)s->same_site >= ARRAY_LEN(same_site))
        return -EINVAL;
    if (s->has_max_age)
        snprintf(max_age, sizeof(max_age), "; Max-Age=%" PRId64, s->max_age);
    if (s->has_expires)
        http_date_format(s->expires, expires);
    struct gale_str value = quote(s->value, arena);
    *out_value = arena_printf(
        arena, "%.*s=%.*s%s%.*s%s%.*s%s%s%s%s%s%s", (int)s->name.len, s->name.at, (int)value.len,
        value.at, s->path.len ? "; Path=" : "", (int)s->path.len, s->path.at,
        s->domain.len ? "; Domain=" : "", (int)s->domain.len, s->domain.at, max_age,
        s->has_expires ? "; Expires=" : "", expires, s->is_secure ? "; Secure" : "",
        s->is_http_only ? "; HttpOnly" : "", same_site[s->same_site]);
    return 0;
}
