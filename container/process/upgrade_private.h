/* upgrade_private.h - what writing and reading a master's state have in common, and the records
 * that have files of their own. */
#pragma once
#include <stdbool.h>
#include "base/record.h"
#include "process/listeners.h"
#include "process/server_plan.h"

struct adapter;
struct buffer;
struct copied;
struct copies;
struct generation;
struct master;
struct release;
struct rollback;
struct server_set;
struct upgrade_fds;

/* Another number: another meaning of the records, which earlier programs would take wrong. */
enum { UPGRADE_FORMAT = 1 };

struct upgrade_writer {
    struct buffer *out;
    struct upgrade_fds *fds;
};

struct upgrade_reader {
    struct master *master; /* NULL: it is only looked at */
    const struct adapter *const *adapters;
    const char *path; /* of the configuration */
    struct listen_address address;
    int *sockets; /* of the address, owned */
    unsigned socket_count;
    struct record pending; /* the generation whose config comes next */
    struct generation *generation;
    struct copied *copied;          /* whose descriptors come next */
    struct release *release;        /* whose crashes and code come next */
    struct record set;              /* the servers whose texts come next */
    struct server_plan plan;        /* theirs */
    const char **args, **variables; /* of that; so many are still to come: */
    int64_t args_left, variables_left;
    bool has_plan;
    struct server_set *servers; /* whose processes come next */
    char *error;                /* owned */
};

/* The descriptor, which is to stay open. */
int64_t upgrade_keep(struct upgrade_writer *writer, int fd);
/* Owned, and ended by zero. */
char *upgrade_copy(struct gale_str text);

/* A function for each kind. Returns 0 or -errno. */
typedef int upgrade_read_fn(struct upgrade_reader *reader, const struct record *record);

/* ---- upgrade_servers.c ---- */

void upgrade_put_servers(struct upgrade_writer *writer, const struct master *master);
void upgrade_put_uses(struct upgrade_writer *writer, const struct generation *generation);
upgrade_read_fn upgrade_read_server_set, upgrade_read_server_text, upgrade_read_server_group,
    upgrade_read_server, upgrade_read_server_use;
/* Of the last set nothing more comes. */
void upgrade_end_servers(struct upgrade_reader *reader);

/* ---- upgrade_releases.c ---- */

void upgrade_put_copies(struct upgrade_writer *writer, const struct copies *copies);
void upgrade_put_releases(struct upgrade_writer *writer, const struct master *master);
void upgrade_put_code(struct upgrade_writer *writer, const struct generation *generation);
upgrade_read_fn upgrade_read_copies, upgrade_read_copied, upgrade_read_copied_fd,
    upgrade_read_rollback, upgrade_read_release, upgrade_read_crash, upgrade_read_release_code,
    upgrade_read_code;
