/* dev_sites.h - folders that apps of `gale dev` serve as they are: when a file there is saved,
 * pages are loaded anew. Nothing is built and nothing restarts for it. */
#pragma once

#include <stdbool.h>

struct config;
struct dev_master;
struct dev_sites;
struct stat;

struct dev_sites *dev_sites_create(struct dev_master *dev); /* returns owned */
void dev_sites_destroy(struct dev_sites *sites);            /* takes NULL */

/* Takes note of the folders that a configuration names; they are watched, and others no longer,
 * when it is live. */
void dev_sites_plan(struct dev_sites *sites, const struct config *config);
void dev_sites_follow(struct dev_sites *sites);
/* Whether a folder is one of those that are watched: no build is to be begun for what is in it. */
bool dev_sites_has(const struct dev_sites *sites, const struct stat *info);
