/* orphan.h - the end of a worker that its master has left behind.
 *
 * One whose loop turns sees the end of its channel and drains. One that is stuck in an app's code
 * sees nothing, and nobody watches over it any more: it would keep its listeners, and every client
 * whom the kernel sends there, for ever. So the kernel signals the master's death, and all that the
 * handler does is to start a timer of the kernel's whose end is SIGKILL, which no code can hold up.
 */
#pragma once
#include <stdint.h>

/* From now on this process is killed `ms` after its parent has died, if it has not ended by then.
 * Takes the place of any PR_SET_PDEATHSIG before. 0 or -errno. */
int orphan_watch(int64_t ms);
