/* test_crash_record.c - what tells a file from another one. */
#include "base/crash_record.h"
#include "unit.h"

START_TEST(hashes_tell_heads_apart)
{
    static unsigned char head[CRASH_HEAD];
    uint64_t zeros = crash_head_hash(head);
    ck_assert_uint_ne(zeros, 0);
    ck_assert_uint_eq(crash_head_hash(head), zeros);
    for (int i = 0; i < CRASH_HEAD; i += CRASH_HEAD - 1) {
        head[i] = 1;
        ck_assert_uint_ne(crash_head_hash(head), zeros);
        head[i] = 0;
    }
}
END_TEST

UNIT_MAIN(hashes_tell_heads_apart)
