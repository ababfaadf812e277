/* test_digest.c - the same for the same, another for anything else. */
#include <string.h>

#include "base/digest.h"
#include "unit.h"

enum { SIZE = 300 };

static unsigned char bytes[SIZE];

static void digest_of(size_t len, char out[DIGEST_TEXT])
{
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, bytes, len);
    digest_print(&digest, out);
}

START_TEST(is_the_same_in_pieces)
{
    char whole[DIGEST_TEXT], pieces[DIGEST_TEXT];
    struct digest digest;
    digest_of(SIZE, whole);
    ck_assert_uint_eq(strlen(whole), DIGEST_TEXT - 1);
    digest_init(&digest);
    digest_add(&digest, bytes, 2 * DIGEST_BLOCK);
    digest_add(&digest, bytes + 2 * DIGEST_BLOCK, 0);
    digest_add(&digest, bytes + 2 * DIGEST_BLOCK, SIZE - 2 * DIGEST_BLOCK);
    ck_assert_str_eq(digest_print(&digest, pieces), whole);
}
END_TEST

/* Lengths of nothing but zeros, and every single bit. */
START_TEST(differs)
{
    static char seen[SIZE + SIZE * 8][DIGEST_TEXT];
    size_t count = 0;
    for (size_t len = 0; len < SIZE; len++)
        digest_of(len, seen[count++]);
    for (size_t bit = 0; bit < SIZE * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        digest_of(SIZE, seen[count++]);
        bytes[bit / 8] = 0;
    }
    qsort(seen, count, DIGEST_TEXT, (int (*)(const void *, const void *))strcmp);
    for (size_t i = 1; i < count; i++)
        ck_assert_str_ne(seen[i - 1], seen[i]);
}
END_TEST

UNIT_MAIN(is_the_same_in_pieces, differs)
