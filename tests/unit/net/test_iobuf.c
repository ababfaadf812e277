/* The free list of blocks: reuse, its cap, and giving memory back. */
#include "unit.h"

#include <string.h>
#include "net/iobuf.h"

START_TEST(reuses_the_last_given_block)
{
    char *a = iobuf_take(), *b = iobuf_take();
    ck_assert_ptr_ne(a, b);
    memset(a, 'a', IOBUF_SIZE);
    memset(b, 'b', IOBUF_SIZE);
    iobuf_give(a);
    iobuf_give(b);
    ck_assert_uint_eq(iobuf_kept(), 2);
    ck_assert_ptr_eq(iobuf_take(), b);
    ck_assert_ptr_eq(iobuf_take(), a);
    ck_assert_uint_eq(iobuf_kept(), 0);
    memset(a, 'x', IOBUF_SIZE); /* taken blocks are whole again */
    iobuf_give(a);
    iobuf_give(b);
    iobuf_give(NULL);
    ck_assert_uint_eq(iobuf_kept(), 2);
    iobuf_keep(0);
}
END_TEST

START_TEST(keeps_no_more_than_its_cap)
{
    char *blocks[8];
    for (int i = 0; i < 8; i++)
        blocks[i] = iobuf_take();
    iobuf_keep(5);
    for (int i = 0; i < 8; i++)
        iobuf_give(blocks[i]);
    ck_assert_uint_eq(iobuf_kept(), 5);
    iobuf_keep(2);
    ck_assert_uint_eq(iobuf_kept(), 2);
    iobuf_keep(0);
    ck_assert_uint_eq(iobuf_kept(), 0);
    iobuf_give(iobuf_take());
    ck_assert_uint_eq(iobuf_kept(), 0);
}
END_TEST

UNIT_MAIN(reuses_the_last_given_block, keeps_no_more_than_its_cap)
