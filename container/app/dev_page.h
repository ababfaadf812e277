/* dev_page.h - what `gale dev` answers where an app cannot: pages for people, text for programs.
 *
 * Each adds a whole answer to a buffer; that a page goes away by itself is dev_front's doing.
 * Everything from outside is escaped. */
#pragma once
#include <gale/str.h>

struct buffer;
struct dev_app;
struct dev_conf_state;

/* What the request was, and what was logged while it ran. */
struct dev_request {
    struct gale_str line; /* "GET /hello" */
    struct gale_str id;
    struct gale_str log; /* lines of the error log; "" */
};

/* The app does not build, or what was built does not open; or is being built for the first time. */
void dev_page_trouble(struct buffer *out, const struct dev_app *app);
void dev_text_trouble(struct buffer *out, const struct dev_app *app);
/* The configuration is refused. */
void dev_page_conf(struct buffer *out, const struct dev_conf_state *conf);
/* Its worker died while it served the request. */
void dev_page_crash(struct buffer *out, const struct dev_app *app,
                    const struct dev_request *request);
void dev_text_crash(struct buffer *out, const struct dev_app *app);
/* The app has answered with an error of its own. */
void dev_page_failure(struct buffer *out, struct gale_str app, int status,
                      const struct dev_request *request);
