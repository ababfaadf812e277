/* auto_reload.h - `watch = yes`: a reload when the files of an app have changed.
 *
 * What is watched follows from the copies that serve: the plugin, what it finds through $ORIGIN,
 * and where that could come to lie. Only what differs from the copies is a reason to reload. */
#pragma once

struct master;
struct watch;

struct auto_reload {
    struct master *master; /* borrowed */
    struct watch *watch;   /* owned; NULL: nothing is watched */
};

void auto_reload_init(struct auto_reload *reload, struct master *master);
void auto_reload_finish(struct auto_reload *reload);
/* To be called when other generations have gone live. */
void auto_reload_follow(struct auto_reload *reload);
