/* range.h - Range: bytes=... against a size (RFC 9110 14). Pure.
 *
 *   "1-4" of 26    a part     first 1, last 4       206, "bytes 1-4/26"
 *   "-4"           a part     first 22, last 25     206, "bytes 22-25/26"
 *   "0-", "-99"    the whole                        200
 *   "26-", "-0"    -ERANGE                          416, and Content-Range has a * for the part
 *
 * One part at most is served: several ranges are one if each touches or overlaps what those before
 * it cover, else the field is ignored, which RFC 9110 14.2 allows. */
#pragma once
#include <stdint.h>
#include <gale/str.h>

struct range {
    uint64_t first, last; /* both belong to it */
};

/* Returns 1 with the part; 0 for the whole (another unit, junk, scattered ranges, all of it); or
 * -ERANGE when nothing of it exists, and for numbers that are no range ("10-3", "26"). Linear. */
int range_parse(struct gale_str field, uint64_t size, struct range *out_range);
