/* Any bytes are a query: views lie in order, end in zero, and come back after encoding. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct gale_str bytes, struct arena *arena)
{
    struct query query;
    struct gale_str text = query_encode(arena, bytes);
    assert(query_parse(text, 1, arena, &query) == 0);
    assert(query.count == (bytes.len > 0));
    assert(!bytes.len || str_equals(query.pairs[0].name, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str text = {(const char *)data, size};
    struct arena arena;
    struct query query;
    arena_init(&arena, NULL, 0);
    if (query_parse(text, 64, &arena, &query) == 0) {
        size_t total = 0;
        for (size_t i = 0; i < query.count; i++) {
            const struct query_pair *pair = &query.pairs[i];
            assert(pair->name.at[pair->name.len] == 0 && pair->value.at[pair->value.len] == 0);
            assert(query_find(&query, pair->name, 0) <= pair);
            total += pair->name.len + pair->value.len;
        }
        assert(total <= size);
    }
    check_round_trip(text, &arena);
    arena_finish(&arena);
    return 0;
}
