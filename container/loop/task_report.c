/* task_report.c - the last words of a task whose stack overflowed.
 *
 * The handler runs on a stack of its own, since the task's is used up, and calls only what is
 * safe in a signal handler. It then puts back what was there before: returning repeats the fault,
 * and the signal takes its course with the registers of the fault in the core. */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "loop/task.h"
#include "loop/task_private.h"

static struct sigaction old_segv, old_bus;

struct line {
    char text[512];
    size_t len;
};

/* Bytes that could pass for something else on a terminal or in a log become '?'. */
static void add(struct line *line, const char *text)
{
    for (; *text && line->len < sizeof(line->text) - 1; text++)
        line->text[line->len++] = *text < ' ' || *text > '~' ? '?' : *text;
}

static void add_label(struct line *line, const struct task_label *label)
{
    if (label->app) {
        add(line, " in app \"");
        add(line, label->app);
        add(line, "\"");
    }
    if (label->request) {
        add(line, " (");
        add(line, label->request);
        add(line, ", id ");
        add(line, label->request_id ? label->request_id : "none");
        add(line, ")");
    }
}

static void report(const struct task *task)
{
    struct line line = {.len = 0};
    add(&line, "gale: task stack overflow");
    if (task->label)
        add_label(&line, task->label);
    add(&line, ": raise the plugin's stack_size or use less stack");
    line.text[line.len++] = '\n';
    (void)!write(STDERR_FILENO, line.text, line.len); /* the process ends in any case */
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    const struct task *task = task_running;
    (void)context;
    if (task && info->si_code > 0 && coroutine_is_overflow(task->coroutine, info->si_addr))
        report(task);
    sigaction(signal_number, signal_number == SIGSEGV ? &old_segv : &old_bus, NULL);
    if (info->si_code <= 0)
        raise(signal_number); /* sent by kill(2): nothing would repeat it */
}

/* A sanitizer has one already, and takes it for its own when the thread ends. */
static void need_signal_stack(void)
{
    static char memory[64 * 1024];
    stack_t stack = {.ss_flags = SS_DISABLE};
    sigaltstack(NULL, &stack);
    if (!(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_sp = memory, .ss_size = sizeof(memory)};
    sigaltstack(&stack, NULL);
}

void task_report_overflow(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    need_signal_stack();
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
}
