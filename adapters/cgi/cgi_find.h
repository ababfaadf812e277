/* cgi_find.h - which program a path means, and what of the path is left for it (RFC 3875 3.3).
 *
 *   cgi = /srv/cgi, path below the mount /tools/report.cgi/2026/a%2Fb
 *     path "/srv/cgi/tools/report.cgi"   name "/tools/report.cgi"   rest "/2026/a%2Fb"
 *
 * The path is walked from its start, below the folder and never out of it (base/beneath.h), and the
 * first file is the program. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct arena;
struct cgi_settings;

enum cgi_found {
    CGI_FOUND,
    CGI_NOTHING,   /* no such program: not this app's request */
    CGI_FORBIDDEN, /* there is something that may not be run, or it lies outside */
    CGI_NO_SLASH,  /* a folder with an index, asked for without its final slash */
};

struct cgi_program {
    const char *path;        /* absolute */
    const char *folder;      /* that it is in */
    const char *interpreter; /* with options; NULL: it is executed itself */
    struct gale_str name;    /* the part of the path that names it */
    struct gale_str rest;    /* the part behind, "" or "/..." */
    bool is_nph;             /* its name begins with "nph-" */
};

/* `folder` is the descriptor of settings->cgi, -1 if that is a program. Returns enum cgi_found, or
 * -errno when the question could not be answered. All texts are on the arena. */
int cgi_find(const struct cgi_settings *settings, int folder, struct gale_str below,
             struct arena *arena, struct cgi_program *out_program);
