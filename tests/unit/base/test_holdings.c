/* Counts by client, in windows of neighbours. */
#include "unit.h"

#include <errno.h>
#include "base/holdings.h"

static struct holdings *make(void)
{
    return calloc(1, sizeof(struct holdings));
}

/* The nth key that begins its window at `place`. */
static uint64_t key_at(unsigned place, unsigned nth)
{
    return (uint64_t)(nth + 1) << 20 | place;
}

START_TEST(counts_by_key)
{
    struct holdings *holdings = make();
    uint64_t a = key_at(5, 0), b = key_at(5, 1);
    ck_assert_uint_eq(holdings_count(holdings, a), 0);
    int first = holdings_add(holdings, a), other = holdings_add(holdings, b);
    ck_assert_int_ge(first, 0);
    ck_assert_int_ne(first, other);
    ck_assert_int_eq(holdings_add(holdings, a), first);
    ck_assert_uint_eq(holdings_count(holdings, a), 2);
    ck_assert_uint_eq(holdings_count(holdings, b), 1);
    holdings_remove(holdings, first);
    holdings_remove(holdings, other);
    ck_assert_uint_eq(holdings_count(holdings, a), 1);
    ck_assert_uint_eq(holdings_count(holdings, b), 0);
    free(holdings);
}
END_TEST

START_TEST(a_key_stays_where_it_is_when_neighbours_go)
{
    struct holdings *holdings = make();
    int first = holdings_add(holdings, key_at(5, 0)), second = holdings_add(holdings, key_at(5, 1));
    holdings_remove(holdings, first);
    ck_assert_int_eq(holdings_add(holdings, key_at(5, 1)), second);
    ck_assert_uint_eq(holdings_count(holdings, key_at(5, 1)), 2);
    free(holdings);
}
END_TEST

START_TEST(a_full_window_has_no_room_for_others)
{
    struct holdings *holdings = make();
    unsigned place = HOLDINGS_ENTRIES - 2; /* round the end */
    int places[HOLDINGS_WINDOW];
    for (unsigned i = 0; i < HOLDINGS_WINDOW; i++)
        places[i] = holdings_add(holdings, key_at(place, i));
    ck_assert_int_eq(holdings_add(holdings, key_at(place, 99)), -ENOSPC);
    ck_assert_uint_eq(holdings_count(holdings, key_at(place, 99)), 0);
    ck_assert_int_ge(holdings_add(holdings, key_at(place, 3)), 0);
    holdings_remove(holdings, places[7]);
    ck_assert_int_eq(holdings_add(holdings, key_at(place, 99)), places[7]);
    ck_assert_uint_eq(holdings_count(holdings, key_at(place, 7)), 0);
    free(holdings);
}
END_TEST

START_TEST(a_count_does_not_overflow)
{
    struct holdings *holdings = make();
    uint64_t key = key_at(5, 0);
    for (int i = 0; i < HOLDINGS_MAX; i++)
        ck_assert_int_ge(holdings_add(holdings, key), 0);
    ck_assert_int_eq(holdings_add(holdings, key), -ENOSPC);
    ck_assert_uint_eq(holdings_count(holdings, key), HOLDINGS_MAX);
    free(holdings);
}
END_TEST

UNIT_MAIN(counts_by_key, a_key_stays_where_it_is_when_neighbours_go,
          a_full_window_has_no_room_for_others, a_count_does_not_overflow)
