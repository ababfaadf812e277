/* Any bytes are a Range field; a part lies within the size and is not the whole of it.
 *
 * The first eight bytes are the size. What is written as one range is read as that range. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct range *range, uint64_t size)
{
    struct range again;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct gale_str text =
        arena_printf(&arena, "bytes=%" PRIu64 "-%" PRIu64, range->first, range->last);
    assert(range_parse(text, size, &again) == 1);
    assert(again.first == range->first && again.last == range->last);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t total;
    struct range range;
    if (size < sizeof(total))
        return 0;
    memcpy(&total, data, sizeof(total));
    struct gale_str field = {(const char *)data + sizeof(total), size - sizeof(total)};
    int r = range_parse(field, total, &range);
    assert(r == 0 || r == 1 || r == -ERANGE);
    if (r != 1)
        return 0;
    assert(range.first <= range.last && range.last < total);
    assert(range.last - range.first < total - 1);
    check_again(&range, total);
    return 0;
}
