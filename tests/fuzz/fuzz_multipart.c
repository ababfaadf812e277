/* A multipart body is heard the same in any split; and any bytes come back out of a part.
 *
 * The first byte is the size of the pieces. The rest is fed as a body with the boundary "b", and
 * then, if it does not hold the boundary of its own, as the data of a part. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hear_begin(void *context, const struct multipart_part *part)
{
    assert(part->name.len && part->name.at[part->name.len] == 0);
    assert(part->filename.at[part->filename.len] == 0);
    buffer_printf(context, "<%d%s|%s|%s>", part->is_file, part->name.at, part->filename.at,
                  part->content_type.at);
    return 0;
}

static int hear_data(void *context, const char *at, size_t len)
{
    assert(len);
    buffer_add(context, at, len);
    return 0;
}

static int hear_end(void *context)
{
    buffer_add_text(context, "</>");
    return 0;
}

static int run(struct gale_str body, size_t step, struct buffer *heard)
{
    static const struct multipart_sink sink = {hear_begin, hear_data, hear_end};
    static const struct multipart_limits limits = {.max_parts = 4, .max_head = 256};
    struct multipart multipart;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    multipart_init(&multipart, STR("b"), &limits, &arena);
    multipart_set_sink(&multipart, &sink, heard);
    for (size_t at = 0; at < body.len; at += step)
        multipart_feed(&multipart, body.at + at, step < body.len - at ? step : body.len - at);
    int r = multipart_finish(&multipart);
    assert(!r == !multipart.why);
    arena_finish(&arena);
    return r;
}

static void check_body(struct gale_str body, size_t step, bool is_part)
{
    struct buffer whole = {0}, split = {0};
    int r = run(body, body.len + 1, &whole);
    assert(run(body, step, &split) == r);
    assert(whole.len == split.len && (!whole.len || !memcmp(whole.at, split.at, whole.len)));
    assert(!is_part || r == 0);
    buffer_finish(&whole);
    buffer_finish(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct gale_str rest = {(const char *)data + 1, size - 1};
    size_t step = data[0] + 1u;
    check_body(rest, step, false);
    struct buffer body = {0};
    buffer_add_text(&body, "--b\r\nContent-Disposition: form-data; name=n\r\n\r\n");
    size_t start = body.len;
    buffer_add_str(&body, rest);
    bool is_part = !memmem(body.at + start - 2, rest.len + 2, "\r\n--b", 5);
    buffer_add_text(&body, "\r\n--b--");
    check_body(buffer_str(&body), step, is_part);
    buffer_finish(&body);
    return 0;
}
