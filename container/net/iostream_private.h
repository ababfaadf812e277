/* iostream_private.h - what the files of iostream share, and transports may use; nobody else.
 *
 * iostream.c owns the life cycle, iostream_read.c `in`, iostream_write.c `out` and the flush. */
#pragma once
#include <stddef.h>
#include "base/macros.h"

struct iostream;

/* Makes `r` (-errno) the stream's error unless it has one, and drops what is unsent. A peer that
 * takes no more may still be read to its end; after any other failure whoever waits to read wakes
 * up, and the close resets the connection. Returns the stream's error. */
int iostream_fail(struct iostream *stream, int r);
/* The close of the descriptor will reset the connection: a peer that takes nothing would else be
 * kept in the kernel for minutes, and one that got half of something could take a proper end for
 * all of it. */
void iostream_reset_on_close(struct iostream *stream);
/* Gives the input buffer back, whatever it holds. */
void iostream_drop_buffered(struct iostream *stream);
/* Stops the flush and drops what is unsent. */
void iostream_drop_unsent(struct iostream *stream);
/* The flush made no progress in time: a timer_fn. */
void iostream_on_flush_timeout(void *stream);
/* Takes `bytes` from what the task may move in this turn, which may let others run first. Returns 0
 * (always, on the loop's own stack), or the reason why the task is cancelled. */
SUSPENDS int iostream_pay(size_t bytes);
