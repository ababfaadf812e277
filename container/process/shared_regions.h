/* shared_regions.h - memory of apps that outlives workers (gale_shared), kept by the master.
 *
 * One sealed memfd for each name of an app. Another size is another region, zeroed; whoever has
 * the old one mapped keeps it. Nothing is ever given back: an app that leaves the configuration and
 * comes again finds its memory. */
#pragma once
#include <stddef.h>

struct shared_region;

struct shared_regions {
    struct shared_region *at; /* owned */
    size_t len;
};

enum { SHARED_REGIONS_MAX = 1024 };

/* The descriptor of the region (borrowed), made where it is new; -ENOSPC beyond SHARED_REGIONS_MAX,
 * -EINVAL for no size, or -errno. */
int shared_regions_find(struct shared_regions *regions, const char *app, const char *name,
                        size_t size);
/* For a master that goes on as another program: what there is, and having it again. */
void shared_regions_each(const struct shared_regions *regions,
                         void (*fn)(void *data, const char *app, const char *name, size_t size,
                                    int fd),
                         void *data);
/* Takes the descriptor. */
void shared_regions_restore(struct shared_regions *regions, const char *app, const char *name,
                            size_t size, int fd);
void shared_regions_finish(struct shared_regions *regions);
