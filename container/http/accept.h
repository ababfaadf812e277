/* accept.h - what a client would rather have (RFC 9110 12.5.1, 12.5.3). Pure.
 *
 *   Accept: text/html, application/json;q=0.9, *;q=0.1        (a * for both halves of a type)
 *
 * The most specific element decides about an offer, whatever stands before or behind it; of
 * several equally specific ones the highest weight counts. Elements that are malformed, and
 * parameters other than the weight, are not looked at. Weights are in thousandths: 0 to 1000.
 * Linear in the field for each offer. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

/* How much the client wants a content coding ("gzip", "br", "identity"); 0: not at all. Without
 * the field (at == NULL) only identity, which everybody understands: 1000. x-gzip is gzip. */
int accept_coding(struct gale_str accept_encoding, struct gale_str coding);

/* The index of the offer that the client likes best, of `types` such as "text/html": by weight,
 * then by how closely it was named, then by their order. Without the field, or with an empty one,
 * the first. -ENOENT when none is acceptable. */
int accept_type(struct gale_str accept, const char *const *types, size_t count);
