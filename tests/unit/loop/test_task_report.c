/* Overflows of a task's stack, told from other faults. */
#include "task_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/board.h"
#include "base/macros.h"

static volatile char sink;

static __attribute__((noinline)) void dig(size_t bytes)
{
    volatile char hole[1024];
    hole[0] = hole[1023] = 1;
    if (bytes > sizeof(hole))
        dig(bytes - sizeof(hole));
    sink = hole[0];
}

static void overflow(void *data)
{
    (void)data;
    ck_assert_int_eq(task_yield(), 0);
    dig((size_t)1 << 40);
}

static void fault(void *data)
{
    volatile char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)data;
    *page = 1;
}

static void send_fault(void *data)
{
    (void)data;
    kill(getpid(), SIGSEGV);
}

/* Runs fn as a task in a child; returns how that ended, and whether it was told as an overflow. */
static int last_words(task_fn *fn, bool *out_overflow)
{
    struct board *board;
    int fd, status = -1;
    ck_assert_int_eq(board_create(&board, &fd), 0);
    int slot = board_claim(board);
    pid_t child = fork();
    if (child == 0) {
        struct board *mine;
        ck_assert_int_eq(board_attach(fd, (unsigned)slot, &mine), 0);
        signal(SIGSEGV, SIG_DFL);
        task_report_overflow();
        open_loop();
        spawn(fn, NULL);
        run_all();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    *out_overflow = atomic_load(&board_slot(board, (unsigned)slot)->has_overflowed);
    board_detach(board);
    close(fd);
    return status;
}

START_TEST(tells_overflows_only)
{
    static const struct {
        task_fn *fn;
        bool is_overflow;
    } rows[] = {{overflow, true}, {fault, false}, {send_fault, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool told;
        int status = last_words(rows[i].fn, &told);
        ck_assert(told == rows[i].is_overflow);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    }
}
END_TEST

UNIT_MAIN(tells_overflows_only)
