/* The last words of a task whose stack overflows. */
#include "task_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile char sink;

static __attribute__((noinline)) void dig(size_t bytes)
{
    volatile char hole[1024];
    hole[0] = hole[1023] = 1;
    if (bytes > sizeof(hole))
        dig(bytes - sizeof(hole));
    sink = hole[0];
}

static const struct task_label deep_label = {"deep", "GET /\x1b[31m", "r-7"};

static void overflow(void *data)
{
    task_set_label(task_current(), data);
    ck_assert_int_eq(task_yield(), 0);
    dig((size_t)1 << 40);
}

static void fault(void *data)
{
    volatile char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    task_set_label(task_current(), data);
    *page = 1;
}

static void send_fault(void *data)
{
    (void)data;
    kill(getpid(), SIGSEGV);
}

/* Runs fn as a task in a child; returns how it ended and what it said. */
static int last_words(task_fn *fn, void *data, char *out, size_t size)
{
    int fds[2];
    size_t len = 0;
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        signal(SIGSEGV, SIG_DFL);
        task_report_overflow();
        open_loop();
        spawn(fn, data);
        run_all();
        _exit(0);
    }
    close(fds[1]);
    for (ssize_t n = 1; n > 0; len += (size_t)n)
        n = read(fds[0], out + len, size - 1 - len);
    out[len] = 0;
    close(fds[0]);
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static bool died_of_it(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

START_TEST(tells_an_overflow)
{
    char text[2048];
    int status = last_words(overflow, (void *)&deep_label, text, sizeof(text));
    ck_assert_str_eq(text, "gale: task stack overflow in app \"deep\" (GET /?[31m, id r-7): raise "
                           "the plugin's stack_size or use less stack\n");
    ck_assert(died_of_it(status));
    last_words(overflow, NULL, text, sizeof(text));
    ck_assert_str_eq(text, "gale: task stack overflow: raise the plugin's stack_size or use less "
                           "stack\n");
}
END_TEST

START_TEST(tells_of_overflow_only)
{
    char text[2048];
    int status = last_words(fault, (void *)&deep_label, text, sizeof(text));
    ck_assert_str_eq(text, "");
    ck_assert(died_of_it(status));
    status = last_words(fault, NULL, text, sizeof(text));
    ck_assert_str_eq(text, "");
    ck_assert(died_of_it(status));
    status = last_words(send_fault, NULL, text, sizeof(text));
    ck_assert_str_eq(text, "");
    ck_assert(died_of_it(status));
}
END_TEST

UNIT_MAIN(tells_an_overflow, tells_of_overflow_only)
