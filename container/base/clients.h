/* clients.h - what the workers know of each client together: its connections and its pace.
 *
 * Lies behind the board, in the same memory, and is mapped by those workers only that limit
 * clients. Connections are kept by worker (holdings.h) and asked for as a sum, so those of a worker
 * that died are given back with its slot of the board; paces are everybody's (rate_table.h).
 * Clients are known by the hash of their address under a seed that nobody outside knows, so that
 * nobody can choose addresses that meet in the tables. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rate_table.h"

struct clients;

/* How much memory all of it is, of which what was never touched costs nothing. */
size_t clients_memory_size(void);

/* Maps what lies behind the board of that descriptor (borrowed), for the worker in `slot` of it,
 * who has no connections yet; -1: memory of this process alone. Returns 0 or -errno. */
int clients_open(int board_fd, unsigned slot, struct clients **out_clients);
void clients_close(struct clients *clients); /* takes NULL */

/* Counts a connection of the client for this worker, if the client has not `max` of them with all
 * workers already. `address` is anything of 64 bits that tells clients apart. Returns its place,
 * -EAGAIN beyond max, or -ENOSPC: there is no room to know this client. Two workers that ask at the
 * same instant for the last one may both hear -EAGAIN. */
int clients_hold(struct clients *clients, uint64_t address, uint64_t max);
void clients_release(struct clients *clients, int place);

/* Takes a token of the client's bucket: as rate_table_take. */
int64_t clients_take(struct clients *clients, uint64_t address, const struct rate_limit *limit,
                     int64_t now_ns);

/* For a line in the log now and then: counts one event of that kind (below CLIENTS_KINDS). When
 * `interval_ms` have passed since any process was last told so, returns how many there were, else
 * 0. */
enum { CLIENTS_KINDS = 3 };
uint64_t clients_note(struct clients *clients, unsigned kind, int64_t now_ms, int64_t interval_ms);
