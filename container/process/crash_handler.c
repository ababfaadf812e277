/* crash_handler.c - who writes the record, in which steps, and what becomes of the signal then.
 *
 *   fault --> claim: first? --no, mine is being made--> that step ends (a guard)
 *                |        `--no, another thread's-----> wait for it
 *               yes
 *                v
 *             facts, message, frames, files, each under the guard --> the signal as it was
 */
#include "process/crash_handler.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/board.h"
#include "base/macros.h"
#include "base/signal_stack.h"
#include "loop/offload.h"
#include "loop/task.h"
#include "process/crash_private.h"

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGXCPU};
static struct sigaction before[ARRAY_LEN(signals)];

static pid_t process;          /* that leaves records: not what it forked */
static _Atomic pid_t reporter; /* the thread that writes; 0: nobody yet */
static sigjmp_buf guard;
static volatile sig_atomic_t is_guarded;

/* ---- the facts ---- */

static void copy(char *out, size_t size, const char *text)
{
    size_t len = text ? strnlen(text, size - 1) : 0;
    memcpy(out, text ? text : "", len);
    out[len] = 0;
}

static void put_label(struct crash_record *record, const struct task_label *label)
{
    copy(record->app, sizeof(record->app), label->app);
    copy(record->request, sizeof(record->request), label->request);
    copy(record->request_id, sizeof(record->request_id), label->request_id);
}

/* The board says what the loop's thread is at; a thread of the pool works for a task. Of others
 * nobody knows. */
static void put_work(struct crash_record *record)
{
    const struct task *task = offload_task();
    if (task && task_find_label(task))
        put_label(record, task_find_label(task));
    else if (record->tid == process)
        put_label(record,
                  &(struct task_label){board_mine->app, board_mine->request,
                                       board_mine->request[0] ? board_mine->request_id : ""});
}

static void put_thread(struct crash_record *record)
{
    record->tid = gettid();
    (void)prctl(PR_GET_NAME, record->thread);
}

#if defined(__x86_64__)
static enum crash_access access_of(const ucontext_t *context)
{
    greg_t bits = context->uc_mcontext.gregs[REG_ERR];
    return bits & 16 ? CRASH_EXECUTE : bits & 2 ? CRASH_WRITE : CRASH_READ;
}
#else
static enum crash_access access_of(const ucontext_t *context)
{
    (void)context;
    return CRASH_ACCESS_UNKNOWN;
}
#endif

/* What grew into the end of its stack faulted where its stack pointer is. */
static bool is_near_stack(const ucontext_t *context, uint64_t address)
{
    enum { NEAR = 64 * 1024 };
    uint64_t sp = crash_stack_sp(context);
    return address >= NEAR && address + NEAR >= sp && address <= sp + NEAR;
}

static void put_address(struct crash_record *record, const siginfo_t *info,
                        const ucontext_t *context)
{
    bool is_memory = info->si_signo == SIGSEGV || info->si_signo == SIGBUS;
    /* SI_KERNEL: the address is one that cannot be, and the kernel was not told it. */
    if (!is_memory || info->si_code <= 0 || info->si_code == SI_KERNEL)
        return;
    record->address = (uint64_t)info->si_addr;
    record->has_address = true;
    record->access =
        crash_stack_pc(context) == record->address ? CRASH_EXECUTE : access_of(context);
    record->is_task_overflow = task_is_overflow(info->si_addr);
    record->is_stack_overflow = !record->is_task_overflow && info->si_signo == SIGSEGV &&
                                record->access != CRASH_EXECUTE &&
                                is_near_stack(context, record->address);
}

static void put_facts(struct crash_record *record, const siginfo_t *info, const ucontext_t *context)
{
    record->cause = CRASH_SIGNAL;
    record->signal = info->si_signo;
    record->code = info->si_code;
    if (info->si_code <= 0)
        record->sender = info->si_pid;
    put_thread(record);
    put_work(record);
    put_address(record, info, context);
}

static void put_message(struct crash_record *record)
{
    const char *const *message = crash_sources.abort_message;
    if (record->signal != SIGABRT)
        return;
    if (crash_sources.own_message)
        copy(record->message, sizeof(record->message), crash_sources.own_message);
    else if (message && *message)
        copy(record->message, sizeof(record->message), *message + sizeof(unsigned));
    /* A type's second word is its name; it is thrown only where the first one found a handler. */
    const char *const *type = crash_sources.exception_type ? crash_sources.exception_type() : NULL;
    if (type)
        copy(record->exception, sizeof(record->exception), type[1]);
}

/* ---- the steps ---- */

struct crash {
    struct crash_record *record;
    const siginfo_t *info;
    ucontext_t *context;
    const void *from; /* where there was no signal: who ends the process */
};

static void add_facts(struct crash *crash)
{
    put_facts(crash->record, crash->info, crash->context);
}

static void add_message(struct crash *crash)
{
    put_message(crash->record);
}

static void add_frames(struct crash *crash)
{
    if (crash->context)
        crash_stack_write(crash->record, crash->context);
    else
        crash_stack_write_from(crash->record, crash->from);
}

static void add_files(struct crash *crash)
{
    crash_maps_write(crash->record);
}

static void add_heads(struct crash *crash)
{
    while (crash_maps_hash(crash->record))
        ;
}

/* Runs one step; false if it faulted. */
static bool try(void (*step)(struct crash *), struct crash *crash)
{
    bool is_done = false;
    if (sigsetjmp(guard, 0) == 0) {
        is_guarded = 1;
        step(crash);
        is_guarded = 0;
        is_done = true;
    }
    is_guarded = 0;
    return is_done;
}

static void write_stack(struct crash *crash)
{
    if (!try(add_frames, crash)) {
        crash->record->is_broken = true;
        crash_stack_mend();
    }
    (void)try(add_files, crash);
    for (int i = 0; i < CRASH_MODULES && !try(add_heads, crash); i++)
        ;
    crash->record->stage = CRASH_WRITTEN;
}

/* ---- one record a process ---- */

static bool claim(void)
{
    pid_t nobody = 0;
    struct crash_record *record = &board_mine->crash;
    if (!atomic_compare_exchange_strong(&reporter, &nobody, gettid()))
        return false;
    record->stage = CRASH_WRITING;
    return true;
}

/* Another thread's record shall be whole before this one's signal ends them both. */
static void wait_for_writer(void)
{
    enum { STEP_MS = 10, MOST_MS = 2000 };
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (int ms = 0; ms < MOST_MS && board_mine->crash.stage == CRASH_WRITING; ms += STEP_MS)
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

/* What the CPU refused it refuses again; anything else is sent once more. */
static void pass_on(int number, const siginfo_t *info)
{
    bool repeats = info->si_code > 0 &&
                   (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (signals[i] == number)
            (void)sigaction(number, &before[i], NULL);
    if (!repeats)
        (void)raise(number);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct crash crash = {&board_mine->crash, info, context, NULL};
    int error = errno;
    if (is_guarded && reporter == gettid())
        siglongjmp(guard, 1);
    if (getpid() == process && claim()) {
        (void)try(add_facts, &crash);
        (void)try(add_message, &crash);
        write_stack(&crash);
    } else if (getpid() == process && reporter != gettid()) {
        wait_for_writer();
    }
    pass_on(number, info);
    errno = error;
}

/* ---- ends without a signal ---- */

static void write_end(enum crash_cause cause, int status, const void *from)
{
    struct crash crash = {.record = &board_mine->crash, .from = from};
    if (getpid() != process || !claim())
        return;
    crash.record->cause = cause;
    crash.record->status = status;
    put_thread(crash.record);
    put_work(crash.record);
    write_stack(&crash);
}

static __attribute__((noinline)) void on_end(int status, void *data)
{
    (void)data;
    write_end(CRASH_EXIT, status, __builtin_return_address(0));
}

static __attribute__((noinline)) void on_sanitizer(void)
{
    write_end(CRASH_SANITIZER, 0, __builtin_return_address(0));
}

void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

/* ---- installing ---- */

void crash_handler_install(void)
{
    static char memory[SIGNAL_STACK];
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    process = getpid();
    sigemptyset(&action.sa_mask);
    signal_stack_use(memory);
    crash_stack_prepare();
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        (void)sigaction(signals[i], &action, &before[i]);
    (void)on_exit(on_end, NULL);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(on_sanitizer);
}
