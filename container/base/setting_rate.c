/* setting_rate.c - "10/s burst 20": how fast, and how many at once. */
#include "base/setting_parse.h"

#include <errno.h>

#include "base/macros.h"
#include "base/rate_table.h"
#include "base/str.h"

/* An hour of so many is far within 64 bits of nanoseconds. */
enum { COUNT_MAX = 1000000 };

static const struct {
    struct gale_str name;
    int64_t ns;
} units[] = {
    {STR("s"), INT64_C(1000000000)},
    {STR("m"), INT64_C(60000000000)},
    {STR("h"), INT64_C(3600000000000)},
};

static int64_t unit_of(struct gale_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_equals(name, units[i].name))
            return units[i].ns;
    return 0;
}

static int parse_count(struct gale_str text, int64_t *out_count)
{
    uint64_t count;
    if (str_to_u64(text, &count) < 0 || !count || count > COUNT_MAX)
        return -EINVAL;
    *out_count = (int64_t)count;
    return 0;
}

/* "10/s" */
static int parse_pace(struct gale_str text, int64_t *out_count, int64_t *out_unit_ns)
{
    struct gale_str unit = text, count = str_cut(&unit, '/');
    *out_unit_ns = unit.at ? unit_of(unit) : 0;
    return *out_unit_ns ? parse_count(count, out_count) : -EINVAL;
}

/* "burst 20"; nothing: as many as come in one unit of time. */
static int parse_burst(struct gale_str text, int64_t *out_burst)
{
    struct gale_str number = text, word = str_cut(&number, ' ');
    if (!text.len)
        return 0;
    if (!str_equals(word, STR("burst")) || !number.at)
        return -EINVAL;
    return parse_count(str_trim(number), out_burst);
}

const char *setting_parse_rate(const struct setting *row, const struct setting_input *input,
                               void *field, struct arena *arena)
{
    struct gale_str burst_text = str_of(input->value), pace = str_cut(&burst_text, ' ');
    struct rate_limit *rate = field;
    int64_t count, burst, unit_ns;
    (void)arena;
    if (str_equals(str_of(input->value), STR("off"))) {
        *rate = (struct rate_limit){0};
        return NULL;
    }
    if (parse_pace(pace, &count, &unit_ns) < 0)
        return setting_parse_fault(row->type);
    burst = count;
    if (burst_text.at && parse_burst(str_trim(burst_text), &burst) < 0)
        return setting_parse_fault(row->type);
    *rate = (struct rate_limit){unit_ns / count, unit_ns / count * burst, 0};
    return NULL;
}
