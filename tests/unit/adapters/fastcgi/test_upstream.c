/* upstream.c and upstream_connection.c: who is asked, who is set aside, what is kept. */
#include "fastcgi_fixture.h"

#include "adapters/fastcgi/upstream_connection.h"
#include "base/board.h"

static void idle(struct fake *fake)
{
    (void)fcgi_read_record(&fake->reader, 60000);
}

static struct upstreams *set(void)
{
    return &app_state()->upstreams;
}

static struct upstream *at(size_t index)
{
    return &set()->items[index];
}

START_TEST(the_fewest_requests_and_turns_among_equals)
{
    int asked[3] = {0};
    open_app("fastcgi = 127.0.0.1:1 127.0.0.1:2", idle);
    ck_assert_uint_eq(set()->count, 3);
    for (int i = 0; i < 30; i++)
        asked[upstreams_choose(set(), 0) - set()->items]++;
    ck_assert(asked[0] == 10 && asked[1] == 10 && asked[2] == 10);
    board_add(at(0)->running, 2);
    board_add(at(1)->running, 1);
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_eq(upstreams_choose(set(), 0), at(2));
    ck_assert_ptr_eq(upstreams_choose(set(), upstreams_bit(set(), at(2))), at(1));
    ck_assert_ptr_null(upstreams_choose(set(), 7));
    close_app();
}
END_TEST

START_TEST(failures_set_aside_for_longer_and_longer)
{
    int64_t last = 0;
    open_app("fastcgi = 127.0.0.1:1\nbackup = 127.0.0.1:2", idle);
    for (int i = 0; i < 8; i++) {
        at(0)->aside_until_ms = 0;
        upstream_failed(at(0), UPSTREAM_REFUSED);
        ck_assert_int_ge(at(0)->backoff_ms, last);
        ck_assert_int_ge(at(0)->backoff_ms, 1000);
        ck_assert_int_le(at(0)->backoff_ms, 30000);
        last = at(0)->backoff_ms;
        upstream_failed(at(0), UPSTREAM_REFUSED); /* together with the first: counts once */
        ck_assert_int_eq(at(0)->backoff_ms, last);
    }
    ck_assert_int_eq(last, 30000);
    ck_assert_ptr_eq(upstreams_choose(set(), 0), at(1));
    upstream_failed(at(1), UPSTREAM_TIMEOUT);
    ck_assert_ptr_eq(upstreams_choose(set(), 0), at(2)); /* the backup */
    upstream_failed(at(2), UPSTREAM_CLOSED);
    at(0)->aside_until_ms -= 29500; /* due first of those who are aside */
    ck_assert_ptr_eq(upstreams_choose(set(), 0), at(0));
    upstream_worked(at(0));
    ck_assert_int_eq(at(0)->backoff_ms, 0);
    upstream_failed(at(0), UPSTREAM_TRUNCATED); /* it was there, after all */
    ck_assert_int_eq(at(0)->aside_until_ms, 0);
    close_app();
}
END_TEST

static void keep_some(void *data)
{
    struct upstream_connection *connections_of[3];
    (void)data;
    at(0)->keep_max = 2;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(upstream_connect(at(0), &connections_of[i]), 0);
    for (int i = 0; i < 3; i++)
        upstream_give_back(connections_of[i]);
    ck_assert_uint_eq(at(0)->idle_count, 2);
    ck_assert_uint_eq(at(0)->open_count, 2);
    struct upstream_connection *taken = upstream_take_idle(at(0));
    ck_assert_ptr_eq(taken, connections_of[1]); /* the one used last */
    ck_assert(taken->is_kept);
    upstreams_make_room(set(), 2);
    ck_assert_uint_eq(at(0)->idle_count, 0);
    upstream_give_back(taken);
    ck_assert_uint_eq(at(0)->idle_count, 1);
}

START_TEST(idle_connections_are_kept_and_given_up)
{
    open_app("keep_alive = 2\nkeep_alive_age = 200ms", idle);
    ck_assert_int_eq(task_spawn(loop, keep_some, NULL, 0, NULL), 0);
    turn_until(at(0)->idle_count == 1);
    turn_until(at(0)->idle_count == 0); /* by its age */
    ck_assert_uint_eq(at(0)->open_count, 0);
    close_app();
}
END_TEST

static void keep_one(void *data)
{
    struct upstream_connection *connection;
    (void)data;
    at(0)->keep_max = 2;
    ck_assert_int_eq(upstream_connect(at(0), &connection), 0);
    upstream_give_back(connection);
}

START_TEST(an_idle_connection_ends_with_its_server)
{
    open_app("keep_alive = 2", idle);
    ck_assert_int_eq(task_spawn(loop, keep_one, NULL, 0, NULL), 0);
    turn_until(at(0)->idle_count == 1 && fakes.count == 1);
    task_group_cancel(&fakes);
    turn_until(at(0)->idle_count == 0);
    close_app();
}
END_TEST

START_TEST(an_idle_connection_makes_way_for_those_at_work)
{
    open_app("keep_alive = 2", idle);
    ck_assert_int_eq(task_spawn(loop, keep_one, NULL, 0, NULL), 0);
    turn_until(at(0)->idle_count == 1);
    board_add(at(0)->late, 1);
    turn_until(at(0)->idle_count == 0);
    close_app();
}
END_TEST

UNIT_MAIN(the_fewest_requests_and_turns_among_equals, failures_set_aside_for_longer_and_longer,
          idle_connections_are_kept_and_given_up, an_idle_connection_ends_with_its_server,
          an_idle_connection_makes_way_for_those_at_work)
