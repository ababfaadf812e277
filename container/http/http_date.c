/* http_date.c - dates in and out; the calendar itself is libc's (gmtime_r, timegm).
 *
 * Reading follows one pattern a form, a letter a part (see `forms`). Names and "GMT" are written
 * exactly as RFC 9110 5.6.7 has them: HTTP-date is case-sensitive. */
#include "http/http_date.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

static const int64_t second_last = 253402300799; /* 31 Dec 9999, 23:59:59 */

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* a short weekday, A long weekday, m month, d day, e day padded with a space, Y year, y year of
 * two digits, t hour:minute:second; anything else stands for itself. */
static const char *const forms[] = {
    "a, d m Y t GMT", /* IMF-fixdate */
    "A, d-m-y t GMT", /* RFC 850 */
    "a m e t Y",      /* asctime */
};

static void put_number(char *at, int digits, int value)
{
    while (digits--) {
        at[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

void http_date_format(int64_t seconds, char out[HTTP_DATE_LEN + 1])
{
    time_t at = (time_t)(seconds < 0 ? 0 : seconds > second_last ? second_last : seconds);
    struct tm tm;
    gmtime_r(&at, &tm);
    memcpy(out, "www, dd mmm yyyy hh:mm:ss GMT", HTTP_DATE_LEN + 1);
    memcpy(out, weekdays[tm.tm_wday], 3);
    put_number(out + 5, 2, tm.tm_mday);
    memcpy(out + 8, months[tm.tm_mon], 3);
    put_number(out + 12, 4, tm.tm_year + 1900);
    put_number(out + 17, 2, tm.tm_hour);
    put_number(out + 20, 2, tm.tm_min);
    put_number(out + 23, 2, tm.tm_sec);
}

static bool take_text(struct gale_str *text, const char *at, size_t len)
{
    if (text->len < len || memcmp(text->at, at, len) != 0)
        return false;
    text->at += len;
    text->len -= len;
    return true;
}

static bool take_number(struct gale_str *text, size_t digits, int *out_value)
{
    uint64_t value;
    if (text->len < digits || str_to_u64((struct gale_str){text->at, digits}, &value) < 0)
        return false;
    text->at += digits;
    text->len -= digits;
    *out_value = (int)value;
    return true;
}

/* One of `names`, or its first three letters. */
static int take_name(struct gale_str *text, const char *const *names, int count, bool is_short)
{
    for (int i = 0; i < count; i++)
        if (take_text(text, names[i], is_short ? 3 : strlen(names[i])))
            return i;
    return -1;
}

static bool take_month(struct gale_str *text, struct tm *tm)
{
    tm->tm_mon = take_name(text, months, ARRAY_LEN(months), true);
    return tm->tm_mon >= 0;
}

static bool take_year(struct gale_str *text, struct tm *tm)
{
    bool is_read = take_number(text, 4, &tm->tm_year);
    tm->tm_year -= 1900;
    return is_read;
}

/* RFC 9110 5.6.7: what would lie more than 50 years ahead is the latest such year in the past. */
static bool take_short_year(struct gale_str *text, struct tm *tm)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm today;
    int year;
    gmtime_r(&now, &today);
    if (!take_number(text, 2, &year))
        return false;
    tm->tm_year = today.tm_year - today.tm_year % 100 + year;
    if (tm->tm_year > today.tm_year + 50)
        tm->tm_year -= 100;
    return true;
}

static bool take_time(struct gale_str *text, struct tm *tm)
{
    return take_number(text, 2, &tm->tm_hour) && take_text(text, ":", 1) &&
           take_number(text, 2, &tm->tm_min) && take_text(text, ":", 1) &&
           take_number(text, 2, &tm->tm_sec);
}

static bool take_part(struct gale_str *text, const char *part, struct tm *tm)
{
    switch (*part) {
    case 'a':
    case 'A':
        return take_name(text, weekdays, ARRAY_LEN(weekdays), *part == 'a') >= 0;
    case 'm':
        return take_month(text, tm);
    case 'd':
        return take_number(text, 2, &tm->tm_mday);
    case 'e':
        return take_number(text, take_text(text, " ", 1) ? 1 : 2, &tm->tm_mday);
    case 'Y':
        return take_year(text, tm);
    case 'y':
        return take_short_year(text, tm);
    case 't':
        return take_time(text, tm);
    default:
        return take_text(text, part, 1);
    }
}

/* timegm would turn 30 Feb into 2 Mar; such dates are refused. The 60th second of a leap second
 * is the next minute's first. */
static int to_seconds(const struct tm *tm, int64_t *out_seconds)
{
    struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};
    int64_t midnight = timegm(&day);
    if (day.tm_mday != tm->tm_mday || day.tm_mon != tm->tm_mon)
        return -EINVAL;
    if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
        return -EINVAL;
    *out_seconds = midnight + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
    return 0;
}

static bool take_form(struct gale_str text, const char *form, struct tm *tm)
{
    for (; *form; form++)
        if (!take_part(&text, form, tm))
            return false;
    return text.len == 0;
}

int http_date_parse(struct gale_str text, int64_t *out_seconds)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm tm = {0};
        if (take_form(text, forms[i], &tm))
            return to_seconds(&tm, out_seconds);
    }
    return -EINVAL;
}
