/* Any bytes are a Cookie field; what cookie_build writes has no second reading.
 *
 * The input is read as a field. Then, split at its first line end, it is a name and a value. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/cookie.h"
#include "http/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cookies parse(struct gale_str field, struct arena *arena)
{
    struct http_header headers[] = {{STR("Host"), field}, {STR("cookie"), field}};
    struct cookies cookies;
    cookies_parse(headers, 2, arena, &cookies);
    return cookies;
}

static void check_reading(struct gale_str field, struct arena *arena)
{
    struct cookies cookies = parse(field, arena);
    size_t total = 0;
    for (size_t i = 0; i < cookies.count; i++) {
        const struct cookie *cookie = &cookies.at[i];
        assert(cookie->name.at[cookie->name.len] == 0 && cookie->value.at[cookie->value.len] == 0);
        assert(cookies_find(&cookies, cookie->name) >= cookie);
        total += cookie->name.len + cookie->value.len;
    }
    assert(total <= field.len);
}

static void check_building(struct gale_str text, struct arena *arena)
{
    struct gale_str value = text, name = str_cut(&value, '\n'), built;
    struct cookie_settings settings = {.name = name, .value = value};
    if (cookie_build(&settings, arena, &built) < 0)
        return;
    struct cookies cookies = parse(built, arena);
    assert(cookies.count == 1 && str_equals(cookies.at[0].name, name));
    assert(cookies.at[0].value.len == value.len);
    assert(!value.len || str_equals(cookies.at[0].value, value));
    settings = (struct cookie_settings){.name = STR("n"), .path = name, .domain = name};
    if (cookie_build(&settings, arena, &built) == 0 && name.len)
        assert(parse(built, arena).count == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str text = {(const char *)data, size};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    check_reading(text, &arena);
    check_building(text, &arena);
    arena_finish(&arena);
    return 0;
}
