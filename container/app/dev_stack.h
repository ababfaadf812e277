/* dev_stack.h - the stack of a crash (dev_state.h), with what repeats in it told once. Pure.
 *
 *   deeper  deeper.c:7
 *   ...     8,212 frames more like this
 *   serve   deeper.c:14
 *
 * Of a long stack only its two ends are there: the numbers of the frames tell how long it was. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct buffer;

enum { DEV_STACK_MOST = 512 };

struct dev_frame {
    struct gale_str function, file;
    unsigned line;   /* 0: unknown */
    unsigned number; /* from 0, the innermost */
};

/* Reads at most so many lines; all views into the text. Returns how many. */
size_t dev_stack_read(const char *stack, struct dev_frame *out, size_t most);

/* The frames that stand at the start of these and are the same ones again and again: each of the
 * first `period` is to be told, then that `more` are like them, and `length` is how many of the
 * array these are. What does not repeat has a period and a length of 1. */
struct dev_fold {
    size_t period, length;
    unsigned more;
    unsigned
        left_out; /* between the last one and the next in the array: of these nothing is known */
};
struct dev_fold dev_stack_fold(const struct dev_frame *frames, size_t count);

/* "8,212 frames more like this", and of what is left out "40 frames are left out". */
void dev_stack_print_more(const struct dev_fold *fold, struct buffer *out);
void dev_stack_print_left_out(const struct dev_fold *fold, struct buffer *out);
