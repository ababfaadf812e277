/* test_crash_handler.c - what a dying process leaves on the board, and how it dies.
 *
 * With crash_handler.c, its steps: crash_stack.c and crash_maps.c. Each case dies in a child. */
#include "process/crash_handler.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/board.h"
#include "base/macros.h"
#include "loop/task.h"
#include "unit.h"

#if defined(__SANITIZE_ADDRESS__)
enum { HAS_ASAN = true };
#else
enum { HAS_ASAN = false };
#endif

static volatile char sink;
static int *volatile nothing;
static void (*volatile no_code)(void);

/* ---- ways to die ---- */

/* UBSan would be faster. */
#define FAULTS __attribute__((noinline, no_sanitize("undefined")))

static FAULTS void write_null(void)
{
    *nothing = 1;
}

static FAULTS void read_null(void)
{
    sink = ((volatile char *)nothing)[16];
}

static FAULTS void call_null(void)
{
    no_code();
    sink = 1;
}

static __attribute__((noinline)) int dig(int depth)
{
    volatile char hole[256];
    hole[0] = (char)depth;
    return depth < 0 ? 0 : dig(depth + 1) + hole[0];
}

static void overflow(void)
{
    sink = (char)dig(0);
}

static void send_fault(void)
{
    kill(getpid(), SIGSEGV);
}

static void leave(void)
{
    exit(7);
}

static void *run_write_null(void *data)
{
    (void)data;
    write_null();
    return NULL;
}

static void die_in_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run_write_null, NULL);
    pthread_join(thread, NULL);
}

static void fork_and_live(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        abort();
    waitpid(child, &status, 0);
    _exit(WIFSIGNALED(status) ? 9 : 8);
}

static void lose_stack(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mov $0x5550, %rsp\n\tpush %rax");
#else
    __asm__ volatile("mov x9, #0x5550\n\tmov sp, x9\n\tstr x0, [sp, #-16]!");
#endif
}

static void use_up_descriptors(void)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    write_null();
}

/* ---- the child ---- */

static void (*way)(void);

static void serve(void *data)
{
    static const struct task_label label = {
        .app = "shop", .request = "GET /crash", .request_id = "4711"};
    (void)data;
    task_set_label(task_current(), &label);
    way();
    _exit(0);
}

static _Noreturn void live(int fd, unsigned slot)
{
    struct rlimit none = {0};
    struct ioloop *loop;
    struct board *board;
    static const int numbers[] = {SIGSEGV, SIGABRT, SIGBUS};
    setrlimit(RLIMIT_CORE, &none);
    /* A sanitizer's report is not for this test's reader. */
    (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    for (size_t i = 0; !HAS_ASAN && i < ARRAY_LEN(numbers); i++)
        signal(numbers[i], SIG_DFL); /* Check has its own */
    if (board_attach(fd, slot, &board) < 0 || ioloop_create(NULL, &loop) < 0)
        _exit(100);
    crash_handler_install();
    (void)task_spawn(loop, serve, NULL, 0, NULL);
    _exit(101);
}

static struct crash_record record;

/* Lets a child die that way: its record is then `record`. Returns its status. */
static int last_words(void (*fn)(void))
{
    struct board *board;
    int fd, status = -1;
    way = fn;
    ck_assert_int_eq(board_create(&board, &fd), 0);
    int slot = board_claim(board);
    pid_t child = fork();
    if (child == 0)
        live(fd, (unsigned)slot);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    memcpy(&record, &board_slot(board, (unsigned)slot)->crash, sizeof(record));
    board_detach(board);
    close(fd);
    return status;
}

static bool is_killed_by(int status, int number)
{
    return HAS_ASAN || (WIFSIGNALED(status) && WTERMSIG(status) == number);
}

/* ---- the cases ---- */

START_TEST(tells_faults)
{
    static const struct {
        void (*fn)(void);
        int signal;
        bool has_address;
        uint64_t address;
        enum crash_access access;
        unsigned frames; /* at least */
    } rows[] = {
        {write_null, SIGSEGV, true, 0, CRASH_WRITE, 3},
        {read_null, SIGSEGV, true, 16, CRASH_READ, 3},
        {call_null, SIGSEGV, true, 0, CRASH_EXECUTE, 3},
        {send_fault, SIGSEGV, false, 0, CRASH_ACCESS_UNKNOWN, 3},
        {abort, SIGABRT, false, 0, CRASH_ACCESS_UNKNOWN, 3},
        {use_up_descriptors, SIGSEGV, true, 0, CRASH_WRITE, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (HAS_ASAN && rows[i].fn == use_up_descriptors)
            continue; /* its report needs some */
        int status = last_words(rows[i].fn);
        ck_assert(is_killed_by(status, rows[i].signal));
        ck_assert_uint_eq(record.stage, CRASH_WRITTEN);
        ck_assert_uint_eq(record.cause, CRASH_SIGNAL);
        ck_assert_int_eq(record.signal, rows[i].signal);
        ck_assert_int_eq(record.has_address, rows[i].has_address);
        ck_assert_uint_eq(record.address, rows[i].address);
#if defined(__x86_64__)
        ck_assert_uint_eq(record.access, rows[i].access);
#endif
        ck_assert_uint_ge(record.frame_total, rows[i].frames);
        ck_assert(!record.is_task_overflow && !record.is_stack_overflow && !record.is_broken);
        ck_assert_str_eq(record.app, "shop");
        ck_assert_str_eq(record.request, "GET /crash");
        ck_assert_str_eq(record.request_id, "4711");
    }
}
END_TEST

START_TEST(places_frames_in_files)
{
    char program[CRASH_PATH] = "";
    ck_assert_int_gt(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
    (void)last_words(write_null);
    ck_assert_uint_ge(record.module_count, 1);
    const struct crash_frame *frame = &record.frames[0];
    ck_assert(frame->is_exact);
    ck_assert_uint_lt(frame->module, record.module_count);
    ck_assert_str_eq(record.modules[frame->module].path, program);
    ck_assert_uint_ne(record.modules[frame->module].head, 0);
    ck_assert_uint_gt(frame->offset, 0);
    ck_assert(!record.frames[1].is_exact);
}
END_TEST

START_TEST(tells_overflows)
{
    (void)last_words(overflow);
    ck_assert(record.is_task_overflow);
    ck_assert_uint_eq(record.stage, CRASH_WRITTEN);
    ck_assert_uint_gt(record.frame_total, CRASH_FRAMES);
    for (size_t i = 0; i < CRASH_FRAMES; i++)
        ck_assert_uint_ne(record.frames[i].module, CRASH_NO_MODULE);
}
END_TEST

START_TEST(survives_a_lost_stack)
{
    int status = last_words(lose_stack);
    ck_assert(is_killed_by(status, SIGSEGV));
    ck_assert_uint_eq(record.stage, CRASH_WRITTEN);
    ck_assert(record.is_broken);
    ck_assert_uint_ge(record.frame_total, 1);
    ck_assert_uint_ne(record.frames[0].module, CRASH_NO_MODULE);
    ck_assert_str_eq(record.request, "GET /crash");
}
END_TEST

START_TEST(tells_an_exit)
{
    int status = last_words(leave);
    ck_assert(HAS_ASAN || (WIFEXITED(status) && WEXITSTATUS(status) == 7));
    ck_assert_uint_eq(record.cause, CRASH_EXIT);
    ck_assert_int_eq(record.status, 7);
    ck_assert_uint_eq(record.stage, CRASH_WRITTEN);
    ck_assert_uint_ge(record.frame_total, 3);
    ck_assert_str_eq(record.app, "shop");
}
END_TEST

/* The loop's thread is at a request, but not this one. */
START_TEST(blames_no_request_for_a_thread)
{
    ck_assert(is_killed_by(last_words(die_in_thread), SIGSEGV));
    ck_assert_uint_eq(record.stage, CRASH_WRITTEN);
    ck_assert_str_eq(record.app, "");
    ck_assert_str_eq(record.request, "");
    ck_assert_int_ne(record.tid, 0);
}
END_TEST

START_TEST(children_leave_no_record)
{
    int status = last_words(fork_and_live);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    ck_assert_uint_eq(record.stage, CRASH_NONE);
}
END_TEST

UNIT_MAIN(tells_faults, places_frames_in_files, tells_overflows, survives_a_lost_stack,
          tells_an_exit, blames_no_request_for_a_thread, children_leave_no_record)
