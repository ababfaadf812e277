/* listing.c - what is in a folder.
 *
 * Reading a folder, asking for the size of each file, sorting, and writing the page may all take
 * long, so one function does them on a thread; the task waits for it and sends the page. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "listing.h"

enum { ENTRIES_MAX = 10000 };

const char *const order_names[ORDERS] = {"name", "size", "date"};

/* A link counts as what it leads to, where that would be served; else it is not shown. */
static int stat_entry(const struct listing *listing, int folder, const char *name, struct stat *st)
{
    char path[PATH_MAX];
    if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISLNK(st->st_mode))
        return 0;
    if (snprintf(path, sizeof(path), "%s%s", listing->lookup->path, name) >= PATH_MAX)
        return -ENAMETOOLONG;
    int fd = lookup_open_below(listing->lookup, path, O_PATH);
    int r = fd < 0 ? fd : fstat(fd, st);
    if (fd >= 0)
        close(fd);
    return r;
}

static void add_entry(struct listing *listing, const char *name, const struct stat *st)
{
    if (listing->len == listing->cap) {
        listing->cap = listing->cap ? listing->cap * 2 : 64;
        listing->entries = realloc(listing->entries, listing->cap * sizeof(*listing->entries));
    }
    char *copy = strdup(name);
    if (!copy || !listing->entries)
        abort();
    listing->entries[listing->len++] = (struct entry){
        .name = copy,
        .size = S_ISDIR(st->st_mode) ? 0 : st->st_size,
        .modified = st->st_mtime,
        .is_folder = S_ISDIR(st->st_mode),
    };
}

/* What would not be served is not shown either. */
static void consider(struct listing *listing, int folder, const char *name)
{
    struct stat st;
    if (!lookup_is_visible(listing->lookup->files, name, strlen(name)) || strchr(name, '\\') ||
        stat_entry(listing, folder, name, &st) < 0)
        return;
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        add_entry(listing, name, &st);
}

static int read_folder(struct listing *listing)
{
    struct dirent *entry;
    DIR *folder = fdopendir(listing->lookup->fd);
    if (!folder)
        return -errno;
    listing->lookup->fd = -1;
    while (!listing->is_cut && (entry = readdir(folder))) {
        listing->is_cut = listing->len == ENTRIES_MAX;
        if (!listing->is_cut)
            consider(listing, dirfd(folder), entry->d_name);
    }
    closedir(folder);
    return 0;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const struct entry *a, const struct entry *b)
{
    int r = strcasecmp(a->name, b->name);
    return r ? r : strcmp(a->name, b->name);
}

/* Folders first, in any order; what is equal, by name. */
static int compare(const void *left, const void *right, void *data)
{
    const struct entry *a = left, *b = right;
    const struct listing *listing = data;
    int r = 0;
    if (a->is_folder != b->is_folder)
        return a->is_folder ? -1 : 1;
    if (listing->order == ORDER_SIZE)
        r = compare_numbers(a->size, b->size);
    else if (listing->order == ORDER_DATE)
        r = compare_numbers(a->modified, b->modified);
    else
        r = compare_names(a, b);
    if (r == 0)
        return compare_names(a, b);
    return listing->is_down ? -r : r;
}

static void make_page(void *data)
{
    struct listing *listing = data;
    FILE *page = open_memstream(&listing->page, &listing->page_len);
    if (!page)
        abort();
    listing->lookup->is_on_loop = false;
    listing->result = read_folder(listing);
    if (listing->len)
        qsort_r(listing->entries, listing->len, sizeof(*listing->entries), compare, listing);
    listing_write_page(listing, page);
    if (fclose(page) != 0)
        abort();
}

static void finish(struct listing *listing)
{
    for (size_t i = 0; i < listing->len; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    free(listing->page);
}

/* "size", or "-size" for the largest first. */
static void read_order(struct listing *listing, const char *text)
{
    listing->is_down = *text == '-';
    for (int i = 0; i < ORDERS; i++)
        if (strcmp(text + listing->is_down, order_names[i]) == 0)
            listing->order = (enum order)i;
}

static int send_page(const struct listing *listing, struct gale_response *res)
{
    char len[24];
    snprintf(len, sizeof(len), "%zu", listing->page_len);
    gale_response_header(res, "Content-Type", "text/html; charset=utf-8");
    gale_response_header(res, "Content-Length", len);
    gale_response_header(res, "Cache-Control", "no-cache");
    gale_response_header(res, "Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'");
    return gale_response_write(res, listing->page, listing->page_len);
}

int send_listing(struct lookup *lookup, struct gale_request *req, struct gale_response *res)
{
    struct listing listing = {.lookup = lookup, .mount = gale_request_mount(req).at};
    read_order(&listing, gale_request_query(req, "sort", "name"));
    int r = gale_offload(make_page, &listing);
    if (r == 0)
        r = listing.result;
    if (r == 0)
        r = send_page(&listing, res);
    finish(&listing);
    return r;
}
