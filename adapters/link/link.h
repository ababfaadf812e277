/* link.h - the adapter that stands in a front for an isolated app: its workers are asked over a
 * link (fastcgi/link.h). No configuration names it; a front puts it in the place of the adapter
 * that the app's own workers open. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct adapter;

struct link_settings {
    const char *address; /* of the app's workers, for tcp_connect_text */
    uint64_t limit;      /* requests that may be with them in the instance; 0: no limit */
    uint64_t queue;      /* and wait for that; beyond it 503 */
    int64_t queue_timeout_ms;
    bool is_told; /* gale dev tells of crashes: they are not logged, and nothing is run again */
};

extern const struct adapter link_adapter;
