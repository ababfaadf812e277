/* digest.h - a name for bytes: 128 bits that are the same for the same bytes, and fast.
 *
 * Against accidents, not against somebody who wants two files to have one name. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct digest {
    uint64_t a, b;
    uint64_t len;
};

enum { DIGEST_BLOCK = 16, DIGEST_TEXT = 33 };

void digest_init(struct digest *digest);
/* Adds bytes; every call but the last adds a multiple of DIGEST_BLOCK. */
void digest_add(struct digest *digest, const void *data, size_t len);
/* Writes it as 32 hexadecimal digits; returns out. */
const char *digest_print(const struct digest *digest, char out[DIGEST_TEXT]);
