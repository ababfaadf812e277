/* watch.h - being told that files have changed, once they are quiet again.
 *
 * For files that people save and programs build: written in place, renamed into place, deleted
 * first, reached through symbolic links that are exchanged. The folders are watched (inotify), not
 * the files; an event only makes us look, and what counts is whether a file differs from what it
 * was. Where the kernel tells nothing (network file systems, no watches left) the files are looked
 * at once in a while.
 *
 *   event ... event ... quiet for quiet_ms --> differs? nobody writes it? it is there? --> fn
 *
 * A file that is missing is waited for, since builds delete first; and one that somebody has open
 * for writing until he closes it, though not for ever. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ioloop;
struct watch;

/* Some of the files have changed. May call watch_set; not watch_destroy. */
typedef void watch_fn(void *data);

struct watch_settings {
    int64_t quiet_ms;   /* after the last event */
    int64_t missing_ms; /* how long a missing file is waited for; -1: until it is there */
    bool is_hasty;      /* a file that is finished is told of though another one is being written */
    watch_fn *fn;
    void *data;
};

/* Watches nothing yet. Never fails: without inotify it looks. Returns owned. */
struct watch *watch_create(struct ioloop *loop, const struct watch_settings *settings);
void watch_destroy(struct watch *watch); /* takes NULL */

/* From now on these files, and no others; the paths are absolute, and copied. A file that is in the
 * set already is compared with what it was when it came in or when fn was last called, so no change
 * is lost; one that is new, with what it is now. */
void watch_set(struct watch *watch, const char *const *paths, size_t count);
