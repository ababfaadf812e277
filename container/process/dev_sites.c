/* dev_sites.c - a watched tree for each folder that is served. */
#include "process/dev_sites.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/dev_master_private.h"
#include "process/master_private.h"
#include "process/watch_tree.h"

/* A page has many files, and tools that make them write one after the other. */
enum { QUIET_MS = 30, PATIENCE_MS = 1000, FOLDERS_MAX = 1000 };

struct site {
    struct list link;
    struct dev_sites *sites;
    char *app, *folder;      /* owned */
    struct watch_tree *tree; /* owned; NULL: not yet */
    bool is_cut;             /* and it was said */
};

struct dev_sites {
    struct dev_master *dev;
    struct list live, planned; /* owned */
};

/* ---- telling ---- */

static void tell(const struct site *site, enum dev_notice_kind kind, const char *name, size_t count)
{
    const struct dev_notice notice = {.kind = kind,
                                      .app = site->app,
                                      .title = "",
                                      .folder = site->folder,
                                      .text = name,
                                      .count = count};
    site->sites->dev->options->notice(&notice);
}

static void tell_of_cut(struct site *site)
{
    bool is_cut = site->tree && !watch_tree_is_whole(site->tree);
    if (is_cut && !site->is_cut)
        tell(site, DEV_FILES_ARE_TOO_MANY, "", FOLDERS_MAX);
    site->is_cut = is_cut;
}

static void on_change(void *data, const char *name, size_t count)
{
    struct site *site = data;
    struct dev_master *dev = site->sites->dev;
    dev->build++;
    dev_tell_workers(dev);
    tell(site, DEV_FILES_HAVE_CHANGED, name, count);
    tell_of_cut(site);
}

/* ---- which ---- */

static void destroy(struct site *site)
{
    watch_tree_destroy(site->tree);
    free(site->app);
    free(site->folder);
    free(site);
}

static void clear(struct list *list)
{
    struct list *link;
    while ((link = list_pop(list)))
        destroy(container_of(link, struct site, link));
}

/* One folder is watched once, whoever serves it. */
static struct site *find(struct list *list, const char *folder)
{
    list_each (list, link)
        if (strcmp(container_of(link, struct site, link)->folder, folder) == 0)
            return container_of(link, struct site, link);
    return NULL;
}

void dev_sites_plan(struct dev_sites *sites, const struct config *config)
{
    char folder[PATH_MAX];
    clear(&sites->planned);
    for (size_t i = 0; i < config->app_count; i++) {
        const struct app_config *app = &config->apps[i];
        if (!app->adapter->folder || app->adapter->folder(app, folder) < 0 ||
            find(&sites->planned, folder))
            continue;
        struct site *site = memory_zalloc(sizeof(*site));
        site->sites = sites;
        site->app = memory_copy(app->name, strlen(app->name));
        site->folder = memory_copy(folder, strlen(folder));
        list_append(&sites->planned, &site->link);
    }
}

static void start(struct site *site)
{
    const struct watch_tree_settings settings = {FOLDERS_MAX, QUIET_MS, PATIENCE_MS, on_change,
                                                 site};
    site->tree = watch_tree_create(site->sites->dev->master->loop, site->folder, &settings);
    tell_of_cut(site);
}

void dev_sites_follow(struct dev_sites *sites)
{
    list_each (&sites->live, link) {
        struct site *site = container_of(link, struct site, link);
        struct site *planned = find(&sites->planned, site->folder);
        struct site *gone = planned ? planned : site;
        list_remove(&gone->link);
        destroy(gone);
    }
    list_each (&sites->planned, link)
        start(container_of(link, struct site, link));
    list_splice(&sites->live, &sites->planned);
}

bool dev_sites_has(const struct dev_sites *sites, const struct stat *info)
{
    struct stat own;
    list_each (&sites->live, link)
        if (stat(container_of(link, struct site, link)->folder, &own) == 0 &&
            own.st_dev == info->st_dev && own.st_ino == info->st_ino)
            return true;
    return false;
}

/* ---- life ---- */

struct dev_sites *dev_sites_create(struct dev_master *dev)
{
    struct dev_sites *sites = memory_zalloc(sizeof(*sites));
    sites->dev = dev;
    list_init(&sites->live);
    list_init(&sites->planned);
    return sites;
}

void dev_sites_destroy(struct dev_sites *sites)
{
    if (!sites)
        return;
    clear(&sites->live);
    clear(&sites->planned);
    free(sites);
}
