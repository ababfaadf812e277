/* Coroutines: the switch keeps what it must, stacks come, go and are guarded. */
#include "unit.h"

#include <errno.h>
#include <execinfo.h>
#include <fenv.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "loop/coroutine.h"

static char trace[64];

static void note(char c)
{
    size_t len = strlen(trace);
    trace[len] = c;
    trace[len + 1] = 0;
}

static void three_parts(void *data)
{
    char c = *(char *)data;
    note(c);
    coroutine_yield();
    note(c);
    coroutine_yield();
    note(c);
}

static void nothing(void *data)
{
    (void)data;
}

START_TEST(takes_turns)
{
    struct coroutine *a = coroutine_create(three_parts, "a", 0);
    struct coroutine *b = coroutine_create(three_parts, "b", 0);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_str_eq(trace, "");
    ck_assert(coroutine_resume(a));
    ck_assert(coroutine_resume(b));
    ck_assert(coroutine_resume(b));
    ck_assert(!coroutine_resume(b));
    ck_assert(coroutine_resume(a));
    ck_assert(!coroutine_resume(a));
    ck_assert_str_eq(trace, "abbbaa");
    coroutine_destroy(a);
    coroutine_destroy(b);
}
END_TEST

static void check_current(void *data)
{
    ck_assert_ptr_eq(coroutine_current(), *(struct coroutine **)data);
    coroutine_yield();
    ck_assert_ptr_eq(coroutine_current(), *(struct coroutine **)data);
}

static void *current_elsewhere(void *data)
{
    (void)data;
    return coroutine_current();
}

static void start_thread(void *data)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, current_elsewhere, NULL), 0);
    pthread_join(thread, data);
}

START_TEST(knows_the_current_one)
{
    struct coroutine *coroutine = NULL;
    ck_assert_ptr_null(coroutine_current());
    coroutine = coroutine_create(check_current, &coroutine, 0);
    ck_assert(coroutine_resume(coroutine));
    ck_assert_ptr_null(coroutine_current());
    ck_assert(!coroutine_resume(coroutine));
    ck_assert_ptr_null(coroutine_current());
    coroutine_destroy(coroutine);

    void *seen = &seen;
    coroutine = coroutine_create(start_thread, &seen, 0);
    ck_assert(!coroutine_resume(coroutine));
    ck_assert_ptr_null(seen);
    coroutine_destroy(coroutine);
}
END_TEST

START_TEST(room_is_the_makers)
{
    struct coroutine *coroutine = coroutine_create(three_parts, "r", 0);
    unsigned char *room = coroutine_room(coroutine);
    ck_assert_uint_eq((uintptr_t)room % 16, 0);
    memset(room, 0xA5, COROUTINE_ROOM);
    while (coroutine_resume(coroutine))
        ;
    for (int i = 0; i < COROUTINE_ROOM; i++)
        ck_assert_int_eq(room[i], 0xA5);
    coroutine_destroy(coroutine);
}
END_TEST

/* Values that the compiler keeps in callee-saved registers over the calls, and rounding modes. */
static double mixed(int seed)
{
    long a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5;
    double x = seed * 0.5, y = seed * 0.25;
    for (int i = 0; i < 3; i++) {
        a += b ^ i, b += c ^ i, c += d ^ i, d += e ^ i, e += f ^ i, f += a ^ i;
        x += (double)a, y += x;
        if (coroutine_current())
            coroutine_yield();
    }
    return (double)(a + b + c + d + e + f) + x + y;
}

struct mixed_job {
    int seed, rounding;
    double result;
};

static void run_mixed(void *data)
{
    struct mixed_job *job = data;
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    fesetround(job->rounding);
    job->result = mixed(job->seed);
    ck_assert_int_eq(fegetround(), job->rounding);
}

START_TEST(keeps_registers_and_rounding)
{
    struct mixed_job jobs[] = {{1, FE_UPWARD, 0}, {77, FE_DOWNWARD, 0}, {-5, FE_TOWARDZERO, 0}};
    struct coroutine *coroutines[3];
    for (int i = 0; i < 3; i++)
        coroutines[i] = coroutine_create(run_mixed, &jobs[i], 0);
    for (int step = 0; step < 4; step++)
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(coroutine_resume(coroutines[i]), step < 3);
            ck_assert_int_eq(fegetround(), FE_TONEAREST);
        }
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq(jobs[i].result, mixed(jobs[i].seed));
        coroutine_destroy(coroutines[i]);
    }
}
END_TEST

START_TEST(sizes)
{
    static const struct {
        size_t asked, got;
    } cases[] = {{0, 256 * 1024}, {1, 4096}, {4096, 4096}, {4097, 8192}, {8 << 20, 8 << 20}};
    if (sysconf(_SC_PAGESIZE) != 4096)
        return;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct coroutine *coroutine = coroutine_create(nothing, NULL, cases[i].asked);
        ck_assert_ptr_nonnull(coroutine);
        ck_assert_uint_eq(coroutine_stack_size(coroutine), cases[i].got);
        ck_assert(!coroutine_resume(coroutine));
        coroutine_destroy(coroutine);
    }
    for (size_t size = SIZE_MAX; size > SIZE_MAX >> 3; size >>= 1) {
        errno = 0;
        ck_assert_ptr_null(coroutine_create(nothing, NULL, size));
        ck_assert_int_ne(errno, 0); /* ENOMEM; valgrind has EINVAL */
    }
}
END_TEST

/* A limit of address space stops stacks first, and memory later. */
START_TEST(headroom)
{
    enum { STACKS = 200 };
    struct coroutine *coroutines[STACKS];
    struct rlimit limit = {0};
    size_t pages = 0, count = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    if (pages > (size_t)1 << 28) /* a terabyte: a sanitizer's, which takes it by large pieces */
        return;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = pages * 4096 + 2 * COROUTINE_HEADROOM;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    while (count < STACKS && (coroutines[count] = coroutine_create(nothing, NULL, 0)))
        count++;
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_gt(count, 3);
    ck_assert_uint_lt(count, 10);
    for (int i = 0; i < 7; i++)
        ck_assert_ptr_nonnull(malloc(1024 * 1024)); /* it leaks on purpose */
    while (count)
        coroutine_destroy(coroutines[--count]);
}
END_TEST

static volatile char sink;

/* Touches `bytes` of the stack. */
static __attribute__((noinline)) void dig(size_t bytes)
{
    volatile char hole[1024];
    for (size_t i = 0; i < sizeof(hole); i++)
        hole[i] = (char)i;
    if (bytes > sizeof(hole))
        dig(bytes - sizeof(hole));
    sink = hole[0];
}

static void dig_most(void *data)
{
    (void)data;
    dig(100 * 1024); /* the sanitizers double it */
}

START_TEST(many_sizes_and_reuse)
{
    for (int round = 0; round < 3; round++)
        for (size_t pages = 1; pages < 20; pages++) {
            struct coroutine *a = coroutine_create(three_parts, "", (48 + pages) * 4096);
            struct coroutine *b = coroutine_create(dig_most, NULL, (48 + pages) * 4096);
            ck_assert(coroutine_resume(a));
            ck_assert(!coroutine_resume(b));
            coroutine_destroy(b);
            while (coroutine_resume(a))
                ;
            coroutine_destroy(a);
        }
}
END_TEST

START_TEST(last_used_first)
{
    struct coroutine *a = coroutine_create(nothing, NULL, 0);
    struct coroutine *b = coroutine_create(nothing, NULL, 0);
    coroutine_destroy(a); /* never started */
    coroutine_destroy(b);
    ck_assert_ptr_eq(coroutine_create(nothing, NULL, 0), b);
    ck_assert_ptr_eq(coroutine_create(nothing, NULL, 0), a);
    coroutine_destroy(b);
    coroutine_destroy(a);
}
END_TEST

/* The resident pages of the stack, or -1 when it is not mapped. */
static int resident(const char *room, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *end = (char *)(((uintptr_t)room + page - 1) / page * page);
    unsigned char pages[1024];
    int n = 0;
    if (mincore(end - size, size, pages) < 0)
        return -1;
    for (size_t i = 0; i < size / page; i++)
        n += pages[i] & 1;
    return n;
}

enum { CROWD = 100 };

static void use_crowd(const char *rooms[CROWD])
{
    struct coroutine *crowd[CROWD];
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = coroutine_create(dig_most, NULL, 0);
        ck_assert_ptr_nonnull(crowd[i]);
        rooms[i] = coroutine_room(crowd[i]);
        ck_assert(!coroutine_resume(crowd[i]));
    }
    for (int i = 0; i < CROWD; i++)
        coroutine_destroy(crowd[i]);
}

START_TEST(cold_stacks_give_memory_back)
{
    const char *rooms[CROWD];
    for (int round = 0; round < 3; round++) {
        use_crowd(rooms);
        int cold = 0, warm = 0;
        for (int i = 0; i < CROWD; i++) {
            int pages = resident(rooms[i], COROUTINE_STACK_DEFAULT);
            ck_assert_int_ge(pages, 0);
            cold += pages <= 5;
            warm += pages >= 25;
        }
        ck_assert_int_eq(warm, 64); /* 16 MiB of 256 KiB */
        ck_assert_int_eq(cold, CROWD - 64);
        ck_assert_int_le(resident(rooms[0], COROUTINE_STACK_DEFAULT), 5);
        ck_assert_int_ge(resident(rooms[CROWD - 1], COROUTINE_STACK_DEFAULT), 25);
    }
}
END_TEST

START_TEST(keeps_so_many)
{
    const char *rooms[CROWD];
    for (size_t keep = 0; keep <= 80; keep += 20) {
        coroutine_keep(keep);
        use_crowd(rooms);
        size_t mapped = 0;
        for (int i = 0; i < CROWD; i++)
            mapped += resident(rooms[i], COROUTINE_STACK_DEFAULT) >= 0;
        ck_assert_uint_eq(mapped, keep);
    }
    coroutine_keep(1);
    ck_assert_int_ge(resident(rooms[CROWD - 1], COROUTINE_STACK_DEFAULT), 0);
    ck_assert_int_lt(resident(rooms[CROWD - 2], COROUTINE_STACK_DEFAULT), 0);
    coroutine_keep(0);
}
END_TEST

/* In strict mode any system call but read, write and exit kills. */
static void churn_without_calls(void)
{
    struct coroutine *crowd[60];
    for (int round = 0; round < 200; round++) {
        if (round == 2 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
            _exit(77);
        for (int i = 0; i < 60; i++)
            crowd[i] = coroutine_create(round % 2 ? three_parts : dig_most, "", 0);
        for (int step = 0; step < (round % 2 ? 3 : 1); step++)
            for (int i = 0; i < 60; i++)
                coroutine_resume(crowd[i]);
        for (int i = 0; i < 60; i++)
            coroutine_destroy(crowd[i]);
    }
    syscall(SYS_exit, 0);
}

START_TEST(steady_state_makes_no_system_call)
{
    const char *preload = getenv("LD_PRELOAD"), *asan = getenv("ASAN_OPTIONS");
    if ((preload && strstr(preload, "vgpreload")) || (asan && strstr(asan, "use_after_return=1")))
        return; /* these make calls of their own */
    pid_t child = fork();
    if (child == 0)
        churn_without_calls();
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}
END_TEST

static struct coroutine *overflowing;

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number, (void)context;
    _exit(coroutine_is_overflow(overflowing, info->si_addr) ? 3 : 4);
}

static void dig_too_deep(void *data)
{
    (void)data;
    dig(1 << 30);
}

static void catch_faults(void)
{
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

START_TEST(overflow_hits_the_guard)
{
    pid_t child = fork();
    if (child == 0) {
        catch_faults();
        overflowing = coroutine_create(dig_too_deep, NULL, 0);
        coroutine_resume(overflowing);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

START_TEST(other_addresses_are_no_overflow)
{
    struct coroutine *coroutine = coroutine_create(nothing, NULL, 0);
    char local;
    const char *room = coroutine_room(coroutine);
    ck_assert(!coroutine_is_overflow(NULL, NULL));
    ck_assert(!coroutine_is_overflow(coroutine, NULL));
    ck_assert(!coroutine_is_overflow(coroutine, &local));
    ck_assert(!coroutine_is_overflow(coroutine, room));
    ck_assert(!coroutine_is_overflow(coroutine, room - COROUTINE_STACK_DEFAULT));
    ck_assert(coroutine_is_overflow(coroutine, room - COROUTINE_STACK_DEFAULT - 8192));
    ck_assert(coroutine_is_overflow(coroutine, room - COROUTINE_STACK_DEFAULT - COROUTINE_GUARD));
    ck_assert(
        !coroutine_is_overflow(coroutine, room - COROUTINE_STACK_DEFAULT - COROUTINE_GUARD - 8192));
    coroutine_destroy(coroutine);
}
END_TEST

static void count_frames(void *data)
{
    void *frames[64];
    *(int *)data = backtrace(frames, 64);
    coroutine_yield();
    ck_assert_int_eq(backtrace(frames, 64), *(int *)data);
}

START_TEST(backtraces_end_at_the_entry)
{
    int frames = 0;
    struct coroutine *coroutine = coroutine_create(count_frames, &frames, 0);
    ck_assert(coroutine_resume(coroutine));
    ck_assert_int_ge(frames, 3); /* count_frames, coroutine_main, coroutine_start */
    ck_assert_int_le(frames, 5);
    ck_assert(!coroutine_resume(coroutine));
    coroutine_destroy(coroutine);
}
END_TEST

UNIT_MAIN(takes_turns, knows_the_current_one, room_is_the_makers, keeps_registers_and_rounding,
          sizes, headroom, many_sizes_and_reuse, last_used_first, cold_stacks_give_memory_back,
          keeps_so_many, steady_state_makes_no_system_call, overflow_hits_the_guard,
          other_addresses_are_no_overflow, backtraces_end_at_the_entry)
