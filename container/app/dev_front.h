/* dev_front.h - a front before the real one: it puts the live-reload script into pages.
 *
 *   response --> dev_front --> http1
 *
 * Only answers to a GET for a page are touched, and of those only HTML that is whole, has a body
 * and is not compressed. Nothing is held back: the element goes out behind the last byte, and a
 * length that was announced counts it. Such an answer is not kept by the browser (Cache-Control:
 * no-store), since a kept one would tell of builds long gone; and what else a browser asks for has
 * to be asked for again (no-cache), or a saved style sheet would not be seen. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct exchange;

/* Writes the `at` of the page (see dev.js), "" for none, on the exchange's arena. */
typedef struct gale_str dev_front_stamp_fn(void *data, struct exchange *exchange);

/* Stands before the exchange's front from now on, if a browser asks. If what it asks for may be a
 * page, the fields are taken away that let an app answer 304. */
void dev_front_attach(struct exchange *exchange, dev_front_stamp_fn *stamp, void *data);
/* Whether the client would rather have a page than text. */
bool dev_front_wants_page(const struct exchange *exchange);
/* Whether it asks for a page to look at, and not for a part of one. */
bool dev_front_is_visit(const struct exchange *exchange);
