/* status.h - the instance as text: JSON for `gale status`, metrics for Prometheus. */
#pragma once

struct buffer;
struct master;

/* One object: pid, state, config, listen, apps, generations with their workers, the last reload. */
void status_write(struct master *master, struct buffer *out);
/* Every metric of the board in Prometheus' text format. */
void status_write_metrics(struct buffer *out);
