/* dev_policy.h - whether a page's Content-Security-Policy lets the live-reload script in. Pure.
 *
 * The script is a file of the page's own origin that makes connections to that origin. A policy is
 * never changed: a page has to be in `gale dev` what it will be elsewhere. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

/* `policy` is the value of one field, or several joined by commas. True with *out_nonce: the
 * element may stand there, with that nonce if it is not "". */
bool dev_policy_allows(struct gale_str policy, struct gale_str *out_nonce);
