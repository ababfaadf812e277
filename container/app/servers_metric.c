/* servers_metric.c - names and sentences. */
#include "app/servers_metric.h"

#include <stdio.h>

#include "base/board.h"

int servers_metric(enum servers_metric which, const char *app)
{
    static const struct {
        enum board_kind kind;
        const char *name, *help;
    } metrics[SERVERS_METRICS] = {
        [SERVERS_RUNNING] = {BOARD_GAUGE, "gale_servers_running",
                             "Processes of an app's `command` that run."},
        [SERVERS_DOWN] = {BOARD_GAUGE, "gale_servers_down",
                          "Whether an app's `command` ends as soon as it is started."},
        [SERVERS_RESTARTS] = {BOARD_COUNTER, "gale_servers_restarts_total",
                              "Processes of an app's `command` that ended and were started again."},
    };
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%s\"", app);
    return board_metric(metrics[which].kind, metrics[which].name, labels, metrics[which].help);
}
