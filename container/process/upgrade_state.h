/* upgrade_state.h - what a master leaves to the program that takes its place (upgrade.h).
 *
 * Everything that outlives a generation, and the generations with their workers: records
 * (base/record.h) that name descriptors by their numbers, which stay open over the exec.
 *
 *   format, master, region...; crash_report...
 *   copies, and each copy: copied, copied_fd...
 *   rollback, and each release: release, crash..., release_code...
 *   address, endpoint, socket...; inherited...
 *   server_set, server_text..., server_group..., server...
 *   group, and for each of its generations, oldest first:
 *     generation, config, code..., server_use..., substance, code_fd..., worker... */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct adapter;
struct buffer;
struct master;

/* Descriptors that are to stay open. */
struct upgrade_fds {
    int *at; /* owned */
    size_t count;
};

/* Writes it all. */
void upgrade_state_write(const struct master *master, struct buffer *out,
                         struct upgrade_fds *out_fds);
/* Whether this program understands it: 0, or -errno and *out_error (owned). */
int upgrade_state_check(struct gale_str text, const struct adapter *const *adapters,
                        char **out_error);
/* The descriptor of the program that wrote it, or -1. */
int upgrade_state_previous(struct gale_str text);
/* Makes a master of it that has only its loop: 0, or -errno and *out_error (owned). */
int upgrade_state_read(struct master *master, struct gale_str text, char **out_error);
