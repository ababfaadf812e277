/* servers_metric.h - what master and workers know of the servers that the master runs for an app.
 *
 * The master counts on the board, the workers read there. */
#pragma once

enum servers_metric {
    SERVERS_RUNNING, /* gauge: processes */
    SERVERS_DOWN,    /* gauge: sets of servers of which none runs nor will in a moment */
    SERVERS_RESTARTS,
    SERVERS_METRICS
};

/* The index of that metric for the app, or a negative one that counts nowhere. */
int servers_metric(enum servers_metric which, const char *app);
