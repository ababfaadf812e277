/* Targets and hosts: a path has no dot segment and no second meaning; what was understood, written
 * anew, is understood in the same way. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"
#include "http/http_refusal.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_end(struct gale_str part)
{
    assert(part.at && part.at[part.len] == 0 && !memchr(part.at, 0, part.len));
}

static void check_path(struct gale_str path)
{
    struct gale_str rest = {path.at + 1, path.len - 1};
    assert(path.at[0] == '/');
    while (rest.at) {
        struct gale_str segment = str_cut(&rest, '/');
        assert(!str_equals(segment, STR(".")) && !str_equals(segment, STR("..")));
    }
}

static bool is_kept(struct gale_str path, size_t at)
{
    static const char *const kept[] = {"%2F", "%2f", "%5C", "%5c", "%25"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (path.len - at >= 3 && memcmp(path.at + at, kept[i], 3) == 0)
            return true;
    return false;
}

/* Writes a path with every byte escaped but what has another meaning then, or is escaped still. */
static void write_path(struct gale_str path, struct buffer *out)
{
    for (size_t at = 0; at < path.len; at++) {
        if (is_kept(path, at)) {
            buffer_add(out, path.at + at, 3);
            at += 2;
        } else if (path.at[at] == '/' || path.at[at] == '\\') {
            buffer_add(out, path.at + at, 1);
        } else {
            buffer_printf(out, "%%%02x", (unsigned char)path.at[at]);
        }
    }
}

static void check_round_trip(struct gale_str path, struct arena *arena)
{
    struct buffer text = {0};
    struct target again;
    struct http_refusal refusal;
    write_path(path, &text);
    assert(target_parse(STR("GET"), buffer_str(&text), arena, &again, &refusal) == 0);
    assert(str_equals(path, again.path));
    buffer_finish(&text);
}

/* To the end, one escape after the other, straight from the raw path. */
static void check_full(const struct target *target, struct arena *arena)
{
    struct gale_str full = target_decode_fully(target->path, arena), raw = target->raw_path;
    assert(full.at[full.len] == 0);
    if (memmem(target->path.at, target->path.len, "/.", 2) || memmem(raw.at, raw.len, ".", 1) ||
        memmem(raw.at, raw.len, "%2e", 3) || memmem(raw.at, raw.len, "%2E", 3))
        return; /* dot segments may be gone from the path */
    size_t to = 0;
    for (size_t at = 0; at < raw.len; at++, to++) {
        char c = raw.at[at];
        if (c == '%') {
            c = (char)(str_hex_digit(raw.at[at + 1]) << 4 | str_hex_digit(raw.at[at + 2]));
            at += 2;
        }
        assert(to < full.len && full.at[to] == c);
    }
    assert(to == full.len);
}

static void check_target(struct gale_str method, struct gale_str text)
{
    struct target target;
    struct http_refusal refusal = {0};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    int r = target_parse(method, text, &arena, &target, &refusal);
    assert(r == 0 || (r == -1 && refusal.status == 400 && refusal.why));
    if (r == 0) {
        check_end(target.path);
        check_end(target.raw_path);
        check_end(target.query);
        check_end(target.authority);
        check_end(target.scheme);
        assert(target.path.len <= target.raw_path.len);
        assert(!target.authority.len || target_is_host(target.authority));
        assert(target.has_query || !target.query.len);
        if (!target.is_asterisk) {
            check_path(target.path);
            check_round_trip(target.path, &arena);
            check_full(&target, &arena);
        }
    }
    arena_finish(&arena);
}

static void check_host(struct gale_str text)
{
    struct gale_str host, again;
    unsigned port, port_again;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    int r = target_parse_host(text, &arena, &host, &port);
    assert((r == 0) == target_is_host(text));
    if (r == 0) {
        check_end(host);
        assert(host.len && port < 65536);
        struct gale_str canonical = port ? arena_printf(&arena, "%s:%u", host.at, port) : host;
        if (!str_ends_with(host, STR("."))) {
            assert(target_parse_host(canonical, &arena, &again, &port_again) == 0);
            assert(str_equals(host, again) && port == port_again);
        }
    }
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    char *copy = malloc(size + !size); /* exact, so that ASan sees a byte read too many */
    memcpy(copy, data, size);
    struct gale_str input = {copy, size};
    check_target(STR("GET"), input);
    check_target(STR("OPTIONS"), input);
    check_host(input);
    free(copy);
    return 0;
}
