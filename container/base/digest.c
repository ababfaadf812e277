/* digest.c - two lanes of multiply and rotate, eight bytes each at a time. */
#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint64_t odd_a = 0x9E3779B97F4A7C15u; /* 2^64 / the golden ratio */
static const uint64_t odd_b = 0xC2B2AE3D27D4EB4Fu; /* random, odd, half of its bits set */

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* Every bit of the result depends on every bit of x. */
static uint64_t avalanche(uint64_t x)
{
    x = (x ^ x >> 32) * odd_a;
    x = (x ^ x >> 29) * odd_b;
    return x ^ x >> 32;
}

void digest_init(struct digest *digest)
{
    *digest = (struct digest){odd_b, odd_a, 0};
}

static void add_block(struct digest *digest, const unsigned char *at)
{
    uint64_t words[2];
    memcpy(words, at, sizeof(words));
    digest->a = rotate((digest->a ^ words[0]) * odd_a, 29) + digest->b;
    digest->b = rotate((digest->b ^ words[1]) * odd_b, 31) + digest->a;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    const unsigned char *at = data;
    size_t whole = len / DIGEST_BLOCK * DIGEST_BLOCK;
    digest->len += len;
    for (size_t i = 0; i < whole; i += DIGEST_BLOCK)
        add_block(digest, at + i);
    if (whole == len)
        return;
    unsigned char last[DIGEST_BLOCK] = {0};
    memcpy(last, at + whole, len - whole);
    add_block(digest, last);
}

const char *digest_print(const struct digest *digest, char out[DIGEST_TEXT])
{
    uint64_t a = avalanche(digest->a ^ digest->len), b = avalanche(digest->b + a);
    snprintf(out, DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64, a, b);
    return out;
}
