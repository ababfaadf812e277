/* authorize.h - an app's authorizer is asked before the app (`authorize = APP`).
 *
 *   request --> authorizer --200--> the app, which sees what the authorizer said as variables
 *                    `--anything else, and any failure: the answer
 *
 * It is asked about every request that reaches the app, however it got there, and never sees a
 * body. Apps that follow each other on a mount and name the same one share its answer. */
#pragma once
#include <stdbool.h>
#include "base/macros.h"

struct exchange;
struct gale_app;

/* Counters of an app that has an authorizer. */
void authorize_init(struct gale_app *app);
/* Whether the app may serve the exchange; if not, *out_verdict is what serving it returns. */
SUSPENDS bool authorize_exchange(struct exchange *exchange, struct gale_app *app, int *out_verdict);
/* The exchange becomes another request: what was said of the last one is forgotten. */
void authorize_forget(struct exchange *exchange);
