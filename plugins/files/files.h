/* files.h - the parts of the plugin that serves a folder.
 *
 *   files.c       settings; what was asked, and what to do about what was found
 *   lookup.c      from a path to an open file: on the loop while the kernel knows the names by
 *                 heart, else on a thread
 *   send.c        a file: validators, conditions, ranges, the bytes
 *   listing.c     a folder as a page
 *   media_type.c  names of types
 *
 * A request owns one struct lookup, and with it at most one open descriptor. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <gale/gale.h>

/* The settings of one app; never changed once it is open. */
struct files {
    struct gale_app *app;
    const char *path; /* of the folder */
    int root;         /* it, O_PATH; owned */
    uint64_t resolve; /* which links openat2 may follow */
    const char *index;
    const char *cache;   /* Cache-Control, or NULL */
    const char *version; /* the query's name that marks a target whose content never changes */
    int lists, declines, is_precompressed, shows_hidden;
};

struct lookup {
    const struct files *files;
    const char *path;          /* below the root, without a slash in front; "" is the root */
    bool has_slash;            /* the target ended with one: it means a folder */
    bool takes_br, takes_gzip; /* codings the client takes */
    int fd;                    /* what was found, or -1; owned */
    struct stat st;            /* its */
    int64_t modified;          /* of the file that was asked for, whatever the coding of this one */
    const char *index;         /* what was added to the path, "": nothing */
    const char *coding;        /* of what was found, NULL: none */
    /* private */
    bool is_on_loop;
    int result;
};

/* Opens what the path names: a file, its compressed neighbour, a folder's index, or the folder
 * itself, where there is no index or the final slash is missing. 0, or -errno; then nothing is
 * open. May wait. */
int lookup_open(struct lookup *lookup);
void lookup_close(struct lookup *lookup);
/* Whether something of this name is served at all: no dot in front, unless they are shown. */
bool lookup_is_visible(const struct files *files, const char *name, size_t len);
/* The descriptor of a path below the root, never through a link that is not allowed. thread */
int lookup_open_below(const struct lookup *lookup, const char *path, int flags);

/* Answers with the file that was found. A result of serve. May wait. */
int send_file(const struct lookup *lookup, struct gale_request *req, struct gale_response *res);

/* Answers with a page about the folder that was found. A result of serve. May wait. */
int send_listing(struct lookup *lookup, struct gale_request *req, struct gale_response *res);

/* The media type for a name, by its extension; application/octet-stream for others. */
const char *media_type_of(const char *name);
