/* record.c - printing and reading one line. */
#include "base/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"

void record_add(struct buffer *out, const char *kind, struct gale_str text, const int64_t *numbers,
                size_t count)
{
    buffer_printf(out, "%s %zu", kind, count);
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, " %" PRId64, numbers[i]);
    buffer_printf(out, " %zu:", text.len);
    buffer_add_str(out, text);
    buffer_add(out, "\n", 1);
}

/* A number up to the byte `end`, which is taken, too. */
static bool take_number(struct gale_str *rest, char end, int64_t *out_number)
{
    struct gale_str word = str_cut(rest, end);
    bool is_negative = word.len && *word.at == '-';
    uint64_t number;
    if (!rest->at ||
        str_to_u64((struct gale_str){word.at + is_negative, word.len - is_negative}, &number) < 0 ||
        number > INT64_MAX)
        return false;
    *out_number = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* Those beyond RECORD_NUMBERS are a later version's. */
static bool take_numbers(struct gale_str *rest, struct record *record)
{
    int64_t count, number;
    if (!take_number(rest, ' ', &count) || count < 0)
        return false;
    for (int64_t i = 0; i < count; i++) {
        if (!take_number(rest, ' ', &number))
            return false;
        if (i < RECORD_NUMBERS)
            record->numbers[i] = number;
    }
    return true;
}

static bool take_text(struct gale_str *rest, struct record *record)
{
    int64_t len;
    if (!take_number(rest, ':', &len) || len < 0 || (uint64_t)len >= rest->len ||
        rest->at[len] != '\n')
        return false;
    record->text = (struct gale_str){rest->at, (size_t)len};
    *rest = (struct gale_str){rest->at + len + 1, rest->len - (size_t)len - 1};
    return true;
}

int record_next(struct gale_str *rest, struct record *out_record)
{
    struct record record = {.kind = ""};
    if (!rest->len)
        return 0;
    struct gale_str kind = str_cut(rest, ' ');
    if (!rest->at || !kind.len || kind.len >= RECORD_KIND || memchr(kind.at, 0, kind.len))
        return -EBADMSG;
    memcpy(record.kind, kind.at, kind.len);
    if (!take_numbers(rest, &record) || !take_text(rest, &record))
        return -EBADMSG;
    *out_record = record;
    return 1;
}
