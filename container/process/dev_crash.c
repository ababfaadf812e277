/* dev_crash.c - the functions of a crash as lines of a stack (dev_state.h), and its report. */
#include "process/dev_crash.h"

#include <signal.h>

#include "base/buffer.h"
#include "process/crash.h"
#include "process/dev_master.h"

static void print_line(const struct crash *crash, const struct crash_line *line, struct buffer *out)
{
    buffer_add_text(out, line->function ? line->function : crash_file(crash, line));
    if (line->file)
        buffer_printf(out, "\t%s\t%u\n", line->file, line->line);
    else
        buffer_add_text(out, "\t\t\n");
}

/* How abort() came to its signal is told by the signal. */
static size_t find_start(const struct crash *crash)
{
    const struct crash_line *culprit = crash_culprit(crash);
    return culprit && crash->facts.signal == SIGABRT ? (size_t)(culprit - crash->lines) : 0;
}

void dev_crash_tell(struct dev_master *dev, const struct crash *crash)
{
    struct buffer what = {0}, stack = {0}, words = {0};
    if (!dev)
        return;
    crash_print_what(crash, &what);
    crash_print(crash, &words);
    buffer_add_text(&stack, "");
    for (size_t i = find_start(crash); i < crash_end(crash); i++)
        print_line(crash, &crash->lines[i], &stack);
    const struct dev_death death = {.app = crash_app(crash),
                                    .request_id = crash->facts.request_id,
                                    .pid = crash->facts.pid,
                                    .what = what.at,
                                    .stack = stack.at,
                                    .words = words.at};
    dev_master_died(dev, &death);
    buffer_finish(&what);
    buffer_finish(&stack);
    buffer_finish(&words);
}
