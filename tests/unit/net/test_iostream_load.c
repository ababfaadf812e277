/* Streams under load: who runs while a writer waits, fairness, and much in random pieces. */
#include "net_fixture.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static char big[8 * 1024 * 1024];

/* ---- whoever runs while a writer waits ---- */

static int hook_calls;

static void push_in_hook(void *data)
{
    hook_calls++;
    ck_assert_int_eq(iostream_push(data), 0);
    if (hook_calls > 1) /* the first wait is the test's own */
        ck_assert_int_eq(iostream_put(data, "!", 1), -EBUSY);
}

static void write_under_a_hook(void *data)
{
    (void)data;
    hook_calls = 0;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 / 3);
    task_set_park_hook(task_current(), push_in_hook, &pair.a);
    ck_assert_int_eq(iostream_put(&pair.a, "put", 3), 0);
    ck_assert_int_eq(task_yield(), 0);
    char got[4] = "";
    ck_assert_int_eq(recv(pair.b.fd, got, 3, 0), 3); /* the hook has sent it */
    ck_assert_str_eq(got, "put");
    ck_assert_int_eq(write_bytes(&pair.a, big, sizeof(big)), 0);
    ck_assert_int_eq(iostream_flush(&pair.a), 0);
    task_set_park_hook(task_current(), NULL, NULL);
    ck_assert_int_gt(hook_calls, 2);
    iostream_close(&pair.a);
}

static void read_big(void *data)
{
    static char got[sizeof(big)];
    char byte;
    (void)data;
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, sizeof(got), 20000), 0);
    ck_assert(memcmp(got, big, sizeof(big)) == 0);
    ck_assert_int_eq(iostream_read(&pair.b, &byte, 1, 5000), 0);
}

START_TEST(nobody_sends_between_a_writers_bytes)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, write_under_a_hook, read_big, NULL);
        link_close(&pair);
    }
}
END_TEST

/* ---- fairness: counted in turns ---- */

enum { FLOOD = 64 * 1024 * 1024 };

static struct link other;
static uint64_t flood_turns;
static int pings;
static bool is_done;

static void flood(void *data)
{
    (void)data;
    uint64_t first = ioloop_turn_number(pair.loop);
    for (size_t n = 0; n < FLOOD; n += sizeof(big))
        ck_assert_int_eq(write_bytes(&pair.a, big, sizeof(big)), 0);
    ck_assert_int_eq(iostream_flush(&pair.a), 0);
    flood_turns = ioloop_turn_number(pair.loop) - first;
    is_done = true;
}

static void swallow(void *data)
{
    static char got[IOSTREAM_READ_MAX];
    (void)data;
    for (size_t n = 0; n < FLOOD;) {
        ssize_t r = iostream_read(&pair.b, got, sizeof(got), 5000);
        ck_assert_int_gt(r, 0);
        n += (size_t)r;
    }
}

static void ping(void *data)
{
    char byte;
    (void)data;
    while (!is_done) {
        ck_assert_int_eq(write_text(&other.a, "p"), 0);
        ck_assert_int_eq(iostream_read(&other.a, &byte, 1, 5000), 1);
        pings++;
    }
    iostream_close(&other.a);
}

static void pong(void *data)
{
    char byte;
    (void)data;
    while (iostream_read(&other.b, &byte, 1, 5000) == 1)
        ck_assert_int_eq(write_text(&other.b, "q"), 0);
}

START_TEST(a_flood_leaves_turns_to_others)
{
    FOR_EACH_SETUP
    {
        is_done = false;
        pings = 0;
        link_open(&pair, setup);
        other.loop = pair.loop;
        int fds[2];
        connect_pair(setup->family, fds);
        iostream_init(&other.a, pair.loop, fds[0], &transport_plain, -1);
        iostream_init(&other.b, pair.loop, fds[1], &transport_plain, -1);
        spawn(pair.loop, pong, NULL);
        spawn(pair.loop, ping, NULL);
        run_both(&pair, swallow, flood, NULL);
        /* Nobody moves more than TASK_TURN_BYTES a turn; a ping and its pong take two. */
        ck_assert_uint_ge(flood_turns, FLOOD / TASK_TURN_BYTES);
        ck_assert_int_ge(pings, (int)(flood_turns / 4));
        iostream_close(&other.b);
        link_close(&pair);
    }
}
END_TEST

/* ---- much, in random pieces, both ways at once ---- */

enum { MUCH = 50 * 1024 * 1024 };

struct side {
    struct iostream *stream;
    uint64_t seed, sent, received;
    char got[256 * 1024];
};

/* Some piece of a buffer of noise, written in some way. */
static void write_noise(void *data)
{
    static char noise[256 * 1024];
    struct side *side = data;
    uint64_t random = side->seed;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * i >> 5);
    for (size_t done = 0; done < MUCH;) {
        size_t max = next_random(&random) % 4 ? 2000 : sizeof(noise);
        size_t len = next_random(&random) % max, cut = len ? next_random(&random) % len : 0;
        if (len > MUCH - done)
            len = MUCH - done, cut = 0;
        char *at = noise + next_random(&random) % (sizeof(noise) - len);
        struct iovec iov[2] = {{at, cut}, {at + cut, len - cut}};
        bool is_put = next_random(&random) % 3 == 0;
        int r = is_put ? iostream_put(side->stream, at, len) : iostream_write(side->stream, iov, 2);
        ck_assert_int_eq(r, 0);
        side->sent = hash_bytes(side->sent, at, len);
        done += len;
    }
    ck_assert_int_eq(iostream_end(side->stream), 0);
}

static void read_noise(void *data)
{
    struct side *side = data;
    uint64_t random = side->seed + 1;
    size_t done = 0;
    for (;;) {
        size_t len =
            1 + next_random(&random) % (next_random(&random) % 4 ? 2000 : sizeof(side->got));
        bool is_exact = next_random(&random) % 2 && len <= MUCH - done;
        ssize_t n = is_exact ? iostream_read_exactly(side->stream, side->got, len, 20000)
                             : iostream_read(side->stream, side->got, len, 20000);
        if (is_exact && n == 0)
            n = (ssize_t)len;
        ck_assert_int_ge(n, 0);
        if (n == 0)
            break;
        side->received = hash_bytes(side->received, side->got, (size_t)n);
        done += (size_t)n;
    }
    ck_assert_uint_eq(done, MUCH);
}

START_TEST(carries_much_both_ways)
{
    for (setup = setups; setup < setups + 2; setup++) {
        link_open(&pair, setup);
        static struct side a, b;
        a = (struct side){&pair.a, 11, HASH_START, HASH_START, {0}};
        b = (struct side){&pair.b, 22, HASH_START, HASH_START, {0}};
        spawn(pair.loop, write_noise, &a);
        spawn(pair.loop, read_noise, &a);
        run_both(&pair, write_noise, read_noise, &b);
        ck_assert_uint_eq(a.sent, b.received);
        ck_assert_uint_eq(b.sent, a.received);
        link_close(&pair);
    }
}
END_TEST

/* ---- a transport that takes and gives as little as it may ---- */

static uint64_t whim = 5;

static ssize_t stingy_read(struct iostream *stream, void *to, size_t len)
{
    if (next_random(&whim) % 3 == 0)
        return -EAGAIN;
    size_t n = 1 + next_random(&whim) % 7;
    return transport_plain.read(stream, to, n < len ? n : len);
}

static ssize_t stingy_write(struct iostream *stream, const struct iovec *iov, int count, int more)
{
    struct iovec one = iov[0];
    ck_assert_int_ge(count, 1);
    ck_assert_uint_gt(one.iov_len, 0);
    if (next_random(&whim) % 3 == 0)
        return -EAGAIN;
    size_t n = 1 + next_random(&whim) % 700;
    one.iov_len = n < one.iov_len ? n : one.iov_len;
    return transport_plain.write(stream, &one, 1, more);
}

static void write_stingily(void *data)
{
    (void)data;
    for (size_t n = 0; n < 100000; n += 10000)
        ck_assert_int_eq(write_bytes(&pair.a, big + n, 10000), 0);
    ck_assert_int_eq(iostream_end(&pair.a), 0);
}

static void read_stingily(void *data)
{
    char *at;
    (void)data;
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 200000, 20000, &at), 100000);
    ck_assert(memcmp(at, big, 100000) == 0);
}

START_TEST(a_stingy_transport_changes_nothing)
{
    struct transport stingy = transport_plain;
    stingy.read = stingy_read;
    stingy.write = stingy_write;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i >> 4);
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        pair.a.transport = pair.b.transport = &stingy;
        run_both(&pair, write_stingily, read_stingily, NULL);
        link_close(&pair);
    }
}
END_TEST

UNIT_MAIN(nobody_sends_between_a_writers_bytes, a_flood_leaves_turns_to_others,
          carries_much_both_ways, a_stingy_transport_changes_nothing)
