/* What only the socket knows, and ends that nobody takes for a whole. */
#include "net_fixture.h"

#include "net/endpoint.h"

static struct link pair;

START_TEST(knows_where_it_was_reached)
{
    struct endpoint peer = {.len = sizeof(peer.addr)}, local;
    link_open(&pair, &setups[0]);
    ck_assert_int_eq(getpeername(pair.a.fd, &peer.addr.any, &peer.len), 0);
    ck_assert_int_eq(iostream_local(&pair.b, &local), 0);
    ck_assert(endpoint_equals(&peer, &local));
    iostream_close(&pair.b);
    ck_assert_int_eq(iostream_local(&pair.b, &local), -EBADF);
    link_close(&pair);
}
END_TEST

static void read_half(void *data)
{
    char got[8];
    const struct setup *setup = data;
    ssize_t n = iostream_read(&pair.a, got, 7, 1000);
    if (n == 7)
        n = iostream_read(&pair.a, got, 1, 1000);
    ck_assert_int_eq(n, setup->family == AF_INET ? -ECONNRESET : 0);
}

START_TEST(an_abort_is_no_end)
{
    for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
        struct setup setup = setups[i];
        link_open(&pair, &setup);
        send_raw(pair.b.fd, "half of", 7);
        iostream_abort(&pair.b);
        iostream_abort(&pair.b);
        ck_assert_int_eq(pair.b.fd, -1);
        run_both(&pair, read_half, NULL, &setup);
        link_close(&pair);
    }
}
END_TEST

UNIT_MAIN(knows_where_it_was_reached, an_abort_is_no_end)
