/* range.c - each range-spec is resolved against the size, then joined with those before it. */
#include "http/range.h"

#include <errno.h>

#include "base/str.h"

/* What one range-spec comes to. */
enum spec { JUNK, INVALID, UNSATISFIABLE, SATISFIABLE };

/* Digits; what is too large for any file is as good as the largest number. */
static bool read_position(struct gale_str text, uint64_t *out_position)
{
    int r = str_to_u64(text, out_position);
    if (r == -ERANGE)
        *out_position = UINT64_MAX;
    return r != -EINVAL;
}

static enum spec resolve_suffix(struct gale_str text, uint64_t size, struct range *out_range)
{
    uint64_t len;
    if (!read_position(text, &len))
        return JUNK;
    if (len == 0)
        return UNSATISFIABLE;
    /* RFC 9110 14.1.2: even of nothing there is a last byte to ask for; that is the whole */
    *out_range = (struct range){len < size ? size - len : 0, size ? size - 1 : 0};
    return SATISFIABLE;
}

static enum spec resolve(struct gale_str spec, uint64_t size, struct range *out_range)
{
    uint64_t first, last = UINT64_MAX;
    struct gale_str tail = spec, head = str_cut(&tail, '-');
    if (tail.at && !head.len)
        return resolve_suffix(tail, size, out_range);
    if (!read_position(head, &first) || (tail.len && !read_position(tail, &last)))
        return JUNK;
    if (!tail.at || last < first)
        return INVALID;
    if (first >= size)
        return UNSATISFIABLE;
    *out_range = (struct range){first, last < size ? last : size - 1};
    return SATISFIABLE;
}

/* Makes *all cover `range`, too; false if there is a gap between them. */
static bool join(struct range *all, const struct range *range)
{
    if ((range->first > all->last && range->first - all->last > 1) ||
        (all->first > range->last && all->first - range->last > 1))
        return false;
    if (range->first < all->first)
        all->first = range->first;
    if (range->last > all->last)
        all->last = range->last;
    return true;
}

int range_parse(struct gale_str field, uint64_t size, struct range *out_range)
{
    struct range all = {0}, one;
    bool is_valid = true, is_one = true;
    size_t specs = 0, found = 0;
    struct gale_str rest = field;
    if (!str_equals_nocase(str_cut(&rest, '='), STR("bytes")))
        return 0;
    while (rest.at) {
        struct gale_str text = str_trim(str_cut(&rest, ','));
        if (!text.len)
            continue;
        enum spec spec = resolve(text, size, &one);
        if (spec == JUNK)
            return 0;
        specs++;
        is_valid = is_valid && spec != INVALID;
        if (spec == SATISFIABLE && found++ == 0)
            all = one;
        else if (spec == SATISFIABLE && is_one)
            is_one = join(&all, &one);
    }
    if (specs && (!is_valid || !found))
        return -ERANGE;
    if (!found || !is_one || size == 0 || all.last - all.first == size - 1)
        return 0;
    *out_range = all;
    return 1;
}
