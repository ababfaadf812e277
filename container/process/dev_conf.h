/* dev_conf.h - the configuration of `gale dev`, which is taken in whenever it is saved.
 *
 *   saved --> read, checked --> a reload with it --> live
 *                 `-> refused        `-> refused: said in the terminal and in pages
 *
 * While it is refused everything goes on with the text that was live before, and what is built goes
 * live with that. Whoever asks for a reload by name gets the file as it is, or why not. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct dev_conf;
struct dev_conf_state;
struct dev_master;
struct stat;

/* Of the configuration that `text` was read from; nothing is watched yet. Returns owned. */
struct dev_conf *dev_conf_create(struct dev_master *dev, struct gale_str text);
void dev_conf_destroy(struct dev_conf *conf); /* takes NULL */
void dev_conf_start(struct dev_conf *conf);   /* takes NULL */

/* The text of a reload that begins is chosen: the file's, or the one before where that is known to
 * be wrong, unless it `is_asked` for by name. Returns whether it was saved since, or is another
 * than the reload before had: what was refused with that may be right now. */
bool dev_conf_choose(struct dev_conf *conf, bool is_asked);
/* Whether the file is one of its files. Takes NULL. */
bool dev_conf_has(const struct dev_conf *conf, const struct stat *info);
/* Whether what was chosen is another one than what is live. Takes NULL. */
bool dev_conf_is_new(const struct dev_conf *conf);
/* The reload has ended, `why` not (NULL: it succeeded). Returns whether that is put down to a new
 * text, which then is refused; a reload with the one before may still succeed. */
bool dev_conf_reloaded(struct dev_conf *conf, const char *why);
/* Something else is live now, with which a text that was refused may be right. */
void dev_conf_try_again(struct dev_conf *conf);

/* The text that was chosen; borrowed. */
struct gale_str dev_conf_text(const struct dev_conf *conf);
/* How it stands, as workers are told; texts are borrowed. Takes NULL. */
struct dev_conf_state dev_conf_state(const struct dev_conf *conf);
