/* dev_stack.c - lines to frames, and the shortest cycle that goes round. */
#include "app/dev_stack.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"

/* A recursion goes through few functions; what comes twice may yet be chance. */
enum { PERIOD_MOST = 6, ROUNDS_LEAST = 3 };

/* ---- reading ---- */

static struct gale_str cut_field(struct gale_str *line)
{
    return line->at ? str_cut(line, '\t') : STR("");
}

static unsigned number_of(struct gale_str text)
{
    uint64_t number = 0;
    (void)str_to_u64(text, &number);
    return number < INT_MAX ? (unsigned)number : 0;
}

size_t dev_stack_read(const char *stack, struct dev_frame *out, size_t most)
{
    struct gale_str rest = str_of(stack);
    size_t count = 0;
    while (rest.len && count < most) {
        struct gale_str line = str_cut(&rest, '\n');
        struct dev_frame *frame = &out[count];
        frame->function = cut_field(&line);
        frame->file = cut_field(&line);
        frame->line = number_of(cut_field(&line));
        frame->number = line.at ? number_of(line) : (unsigned)count;
        count++;
    }
    return count;
}

/* ---- folding ---- */

static bool is_same(const struct dev_frame *a, const struct dev_frame *b)
{
    return a->line == b->line && str_equals(a->function, b->function) &&
           str_equals(a->file, b->file);
}

/* How many frames from the first one on go round with that period. */
static size_t cycle_length(const struct dev_frame *frames, size_t count, size_t period)
{
    size_t length = period;
    while (length < count && is_same(&frames[length], &frames[length - period]))
        length++;
    return length;
}

static unsigned frames_between(const struct dev_frame *from, const struct dev_frame *to)
{
    return to->number > from->number ? to->number - from->number : 0;
}

struct dev_fold dev_stack_fold(const struct dev_frame *frames, size_t count)
{
    struct dev_fold fold = {1, 1, 0, 0};
    for (size_t period = 1; period <= PERIOD_MOST && period < count; period++) {
        size_t length = cycle_length(frames, count, period);
        if (length < period * ROUNDS_LEAST)
            continue;
        fold.period = period;
        fold.length = length;
        fold.more = frames_between(&frames[period - 1], &frames[length - 1]);
        break;
    }
    if (fold.length < count) {
        unsigned step = frames_between(&frames[fold.length - 1], &frames[fold.length]);
        fold.left_out = step > 1 ? step - 1 : 0;
    }
    return fold;
}

/* ---- telling ---- */

/* With commas, as people read them. */
static void put_number(unsigned number, struct buffer *out)
{
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%u", number);
    for (int i = 0; i < len; i++)
        buffer_printf(out, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

void dev_stack_print_more(const struct dev_fold *fold, struct buffer *out)
{
    put_number(fold->more, out);
    buffer_printf(out, " frame%s more like ", fold->more == 1 ? "" : "s");
    if (fold->period == 1)
        buffer_add_text(out, "this");
    else
        buffer_printf(out, "these %zu", fold->period);
}

void dev_stack_print_left_out(const struct dev_fold *fold, struct buffer *out)
{
    put_number(fold->left_out, out);
    buffer_add_text(out, fold->left_out == 1 ? " frame is left out" : " frames are left out");
}
