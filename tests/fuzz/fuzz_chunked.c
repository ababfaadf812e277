/* The chunked coding: the same body and end, or fault, at every split; and any bytes, coded in
 * chunks of any size, come out again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    long status; /* 1 done, 0 bytes are missing, or -errno */
    size_t used;
    struct buffer body;
};

static void feed(struct chunked *chunked, const char *data, size_t len, struct result *result)
{
    for (size_t at = 0; at < len && result->status == 0;) {
        struct gale_str piece = {0};
        long n = chunked_decode(chunked, data + at, len - at, &piece);
        if (n < 0) {
            result->status = n;
            assert(chunked_decode(chunked, data, len, &piece) == n && !chunked_is_done(chunked));
            return;
        }
        assert(n > 0 && (size_t)n <= len - at);
        assert(piece.at >= data + at && piece.at + piece.len <= data + at + n);
        buffer_add_str(&result->body, piece);
        at += (size_t)n;
        result->used += (size_t)n;
        result->status = chunked_is_done(chunked);
    }
}

static struct result decode(struct gale_str text, size_t first, size_t step)
{
    struct chunked chunked;
    struct result result = {0};
    chunked_init(&chunked);
    for (size_t at = 0, n = first; at < text.len && result.status == 0; at += n, n = step) {
        n = n < text.len - at ? n : text.len - at;
        char *copy = malloc(n);
        memcpy(copy, text.at + at, n);
        feed(&chunked, copy, n, &result);
        free(copy);
    }
    return result;
}

static void check_splits(struct gale_str text)
{
    struct result whole = decode(text, text.len, 1);
    size_t step = text.len > 64 ? text.len / 16 : 1;
    for (size_t first = 1; first < text.len; first += step) {
        struct result split = decode(text, first, first % 3 ? text.len : 1);
        assert(split.status == whole.status);
        assert(split.status < 0 || split.used == whole.used);
        assert(str_equals(buffer_str(&split.body), buffer_str(&whole.body)));
        buffer_finish(&split.body);
    }
    buffer_finish(&whole.body);
}

/* Chunks as long as the bytes of the body themselves say. */
static void check_round_trip(struct gale_str body)
{
    struct buffer text = {0};
    char head[18];
    for (size_t at = 0, n; at < body.len; at += n) {
        n = 1 + (unsigned char)body.at[at];
        n = n < body.len - at ? n : body.len - at;
        buffer_add(&text, head, chunked_head(head, n));
        buffer_add(&text, body.at + at, n);
        buffer_add_text(&text, "\r\n");
    }
    buffer_add(&text, head, chunked_head(head, 0));
    buffer_add_text(&text, "\r\n");
    struct result result = decode(buffer_str(&text), 1 + text.len / 3, 7);
    assert(result.status == 1 && result.used == text.len);
    assert(str_equals(buffer_str(&result.body), body));
    buffer_finish(&result.body);
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str input = {(const char *)data, size};
    if (!size || size > 4096)
        return 0;
    check_splits(input);
    check_round_trip(input);
    return 0;
}
