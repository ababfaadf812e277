/* http_date.h - dates as HTTP writes them (RFC 9110 5.6.7). */
#pragma once
#include <stdint.h>
#include <gale/str.h>

enum { HTTP_DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes the 29 bytes and a zero. Seconds since 1970; what lies before that year or after 9999
 * (a file's time can) is written as the nearest date within. */
void http_date_format(int64_t seconds, char out[HTTP_DATE_LEN + 1]);
/* Reads any of the three forms; the name of the day is not held against the date. Returns 0 or
 * -EINVAL. */
int http_date_parse(struct gale_str text, int64_t *out_seconds);
