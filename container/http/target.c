/* target.c - taking targets apart and making paths of them.
 *
 * The target is copied once and cut in place; a path without escapes and dot segments is the raw
 * path itself. */
#include "http/target.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/http_refusal.h"
#include "http/http_token.h"

/* What stays encoded in a path, see target.h. */
static bool is_kept(const char *digits)
{
    return (digits[0] == '2' && (digits[1] == 'F' || digits[1] == 'f' || digits[1] == '5')) ||
           (digits[0] == '5' && (digits[1] == 'C' || digits[1] == 'c'));
}

/* The byte that the escape at `at` means, or -1. */
static int escaped_byte(const char *at, const char *end)
{
    if (end - at < 3)
        return -1;
    int high = str_hex_digit(at[1]), low = str_hex_digit(at[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Puts a byte that was decoded. If that completes what looks like a kept escape, its percent sign
 * becomes %25; that sign came from three bytes itself, so there is room. */
static char *put_byte(const char *out, char *to, char c)
{
    *to++ = c;
    if (to - out < 3 || to[-3] != '%' || !is_kept(to - 2))
        return to;
    memcpy(to, to - 2, 2);
    memcpy(to - 2, "25", 2);
    return to + 2;
}

/* Decodes once into `out`, which never gets longer than `raw`. The length, or -1. */
static long decode_once(struct gale_str raw, char *out, struct http_refusal *out_refusal)
{
    const char *end = raw.at + raw.len;
    char *to = out;
    for (const char *at = raw.at; at < end; at++) {
        if (*at != '%') {
            to = put_byte(out, to, *at);
            continue;
        }
        int c = escaped_byte(at, end);
        if (c < 0)
            return http_refuse(out_refusal, 400, "a % in the path is not followed by two digits");
        if (c == 0)
            return http_refuse(out_refusal, 400, "the path has %00");
        if (c == '/' || c == '\\')
            to = mempcpy(to, c == '/' ? "%2F" : "%5C", 3);
        else
            to = put_byte(out, to, (char)c);
        at += 2;
    }
    return to - out;
}

static size_t without_last_segment(const char *path, size_t len)
{
    const char *slash = memrchr(path, '/', len);
    return slash ? (size_t)(slash - path) : 0;
}

/* RFC 3986 5.2.4, in place: each segment with the slash before it moves to the front, or not. */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t to = 0, next;
    for (size_t at = 0; at < len; at = next) {
        const char *slash = memchr(path + at + 1, '/', len - at - 1);
        next = slash ? (size_t)(slash - path) : len;
        struct gale_str segment = {path + at, next - at};
        bool is_up = str_equals(segment, STR("/.."));
        if (!is_up && !str_equals(segment, STR("/."))) {
            memmove(path + to, segment.at, segment.len);
            to += segment.len;
            continue;
        }
        if (is_up)
            to = without_last_segment(path, to);
        if (next == len)
            path[to++] = '/';
    }
    return to;
}

/* Whether a segment begins with a dot; there is a byte before each dot, the path's first slash. */
static bool has_dotted_segment(struct gale_str path)
{
    const char *end = path.at + path.len, *dot = path.at;
    for (; (dot = memchr(dot, '.', (size_t)(end - dot))); dot++)
        if (dot[-1] == '/')
            return true;
    return false;
}

static int make_path(struct target *target, struct arena *arena, struct http_refusal *out_refusal)
{
    struct gale_str raw = target->raw_path;
    target->path = raw;
    if (!str_find(raw, '%') && !has_dotted_segment(raw))
        return 0;
    char *out = arena_alloc(arena, raw.len + 1);
    long len = decode_once(raw, out, out_refusal);
    if (len < 0)
        return -1;
    size_t short_len = remove_dot_segments(out, (size_t)len);
    out[short_len] = 0;
    target->path = (struct gale_str){out, short_len};
    return 0;
}

struct gale_str target_decode_fully(struct gale_str path, struct arena *arena)
{
    const char *end = path.at + path.len;
    char *out = arena_alloc(arena, path.len + 1), *to = out;
    for (const char *at = path.at; at < end; at++) {
        bool is_escape = *at == '%' && end - at >= 3 && is_kept(at + 1);
        *to++ = (char)(is_escape ? escaped_byte(at, end) : *at);
        at += is_escape ? 2 : 0;
    }
    *to = 0;
    return (struct gale_str){out, (size_t)(to - out)};
}

static void make_asterisk(struct target *target)
{
    target->is_asterisk = true;
    target->raw_path = target->path = STR("*");
}

/* Cuts a scheme off the front of an absolute form. */
static bool cut_scheme(struct gale_str *text, struct gale_str scheme, struct target *target)
{
    struct gale_str front = {text->at, scheme.len};
    if (text->len < scheme.len + 3 || !str_equals_nocase(front, scheme) ||
        memcmp(text->at + scheme.len, "://", 3) != 0)
        return false;
    target->scheme = scheme;
    text->at += scheme.len + 3;
    text->len -= scheme.len + 3;
    return true;
}

/* Cuts "scheme://authority" off, so that a path, "?query" or nothing remains. */
static int cut_authority(struct gale_str *text, struct arena *arena, struct target *target,
                         struct http_refusal *out_refusal)
{
    if (!cut_scheme(text, STR("http"), target) && !cut_scheme(text, STR("https"), target))
        return http_refuse(out_refusal, 400, "the target is neither a path nor an http URL");
    size_t len = 0;
    while (len < text->len && text->at[len] != '/' && text->at[len] != '?')
        len++;
    target->authority = arena_copy(arena, text->at, len);
    text->at += len;
    text->len -= len;
    if (str_find(target->authority, '@'))
        return http_refuse(out_refusal, 400, "the target carries a user name");
    if (!target_is_host(target->authority))
        return http_refuse(out_refusal, 400, "the target's host is malformed");
    return 0;
}

static int check_bytes(struct gale_str text, struct http_refusal *out_refusal)
{
    if (str_find(text, '#'))
        return http_refuse(out_refusal, 400, "the target has a fragment");
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_byte(text.at[i], HTTP_BYTE_TARGET))
            return http_refuse(out_refusal, 400, "the target has a blank or a control byte");
    return 0;
}

/* "path?query", on the arena. */
static void cut_query(struct gale_str text, struct arena *arena, struct target *target)
{
    struct gale_str copy = arena_copy(arena, text.at, text.len);
    char *mark = (char *)str_find(copy, '?');
    target->raw_path = copy;
    if (mark) {
        *mark = 0;
        target->raw_path.len = (size_t)(mark - copy.at);
        target->query = (struct gale_str){mark + 1, copy.len - target->raw_path.len - 1};
        target->has_query = true;
    }
    if (!target->raw_path.len)
        target->raw_path = STR("/");
}

int target_parse(struct gale_str method, struct gale_str text, struct arena *arena,
                 struct target *out_target, struct http_refusal *out_refusal)
{
    struct gale_str none = STR("");
    struct target target = {.authority = none, .scheme = none, .query = none};
    bool is_options = str_equals(method, STR("OPTIONS"));
    if (check_bytes(text, out_refusal) < 0)
        return -1;
    if (str_equals(text, STR("*"))) {
        if (!is_options)
            return http_refuse(out_refusal, 400, "the target * is for OPTIONS alone");
        make_asterisk(&target);
    } else {
        bool is_absolute = !str_starts_with(text, STR("/"));
        if (is_absolute && cut_authority(&text, arena, &target, out_refusal) < 0)
            return -1;
        cut_query(text, arena, &target);
        if (make_path(&target, arena, out_refusal) < 0)
            return -1;
        if (is_absolute && is_options && !text.len)
            make_asterisk(&target);
    }
    *out_target = target;
    return 0;
}
