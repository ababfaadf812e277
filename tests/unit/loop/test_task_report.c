/* What crash reports ask of tasks: whether a stack overflowed, and what the task serves. */
#include "task_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/signal_stack.h"

enum { OVERFLOWED = 3, FAULTED = 4 };

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

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    _exit(task_is_overflow(info->si_addr) ? OVERFLOWED : FAULTED);
}

static int verdict(task_fn *fn)
{
    static char memory[SIGNAL_STACK];
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        signal_stack_use(memory);
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
        open_loop();
        spawn(fn, NULL);
        run_all();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(tells_overflows_only)
{
    ck_assert_int_eq(verdict(overflow), OVERFLOWED);
    ck_assert_int_eq(verdict(fault), FAULTED);
    ck_assert(!task_is_overflow(NULL)); /* no task runs */
}
END_TEST

static void label(void *data)
{
    static const struct task_label label = {.app = "shop", .request = "GET /", .request_id = "1"};
    (void)data;
    ck_assert_ptr_null(task_find_label(task_current()));
    task_set_label(task_current(), &label);
    ck_assert_ptr_eq(task_find_label(task_current()), &label);
    note('l');
}

START_TEST(tells_what_is_served)
{
    open_loop();
    spawn(label, NULL);
    close_loop();
    ck_assert_str_eq(trace, "l");
}
END_TEST

UNIT_MAIN(tells_overflows_only, tells_what_is_served)
