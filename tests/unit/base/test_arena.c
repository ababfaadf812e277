/* Arena memory: aligned, kept apart, given back at once. */
#include "unit.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include "base/arena.h"

START_TEST(first_block_then_heap)
{
    alignas(16) char first[64];
    struct arena arena;
    arena_init(&arena, first, sizeof(first));
    char *a = arena_alloc(&arena, 40);
    ck_assert_ptr_eq(a, first);
    char *b = arena_alloc(&arena, 40);
    ck_assert(b < first || b >= first + sizeof(first));
    memset(a, 1, 40);
    memset(b, 2, 40);
    ck_assert_int_eq(a[39], 1);
    arena_reset(&arena);
    ck_assert_ptr_eq(arena_alloc(&arena, 1), first);
    arena_finish(&arena);
}
END_TEST

START_TEST(aligned_and_large)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t size = 0; size < 3000; size += 7) {
        char *at = arena_zalloc(&arena, size);
        ck_assert_uint_eq((uintptr_t)at % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_int_eq(at[i], 0);
        memset(at, 0xEE, size);
    }
    memset(arena_alloc(&arena, 5000000), 1, 5000000);
    arena_finish(&arena);
}
END_TEST

START_TEST(copies_end_in_zero)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct gale_str copy = arena_copy(&arena, "abc", 2);
    ck_assert_uint_eq(copy.len, 2);
    ck_assert_str_eq(copy.at, "ab");
    ck_assert_str_eq(arena_copy(&arena, NULL, 0).at, "");
    ck_assert_str_eq(arena_printf(&arena, "%d-%s", 7, "x").at, "7-x");
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(first_block_then_heap, aligned_and_large, copies_end_in_zero)
