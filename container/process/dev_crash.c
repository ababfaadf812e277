/* dev_crash.c - the functions of a crash as lines of a stack (dev_state.h), and its report; or what
 * a sanitizer has written of it. */
#include "process/dev_crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/crash.h"
#include "process/dev_asan.h"
#include "process/dev_master_private.h"

static void print_line(const struct crash *crash, const struct crash_line *line, struct buffer *out)
{
    buffer_add_text(out, line->function ? line->function : crash_file(crash, line));
    if (line->file)
        buffer_printf(out, "\t%s\t%u", line->file, line->line);
    else
        buffer_add_text(out, "\t\t");
    buffer_printf(out, "\t%u\n", crash_depth(crash, line->frame));
}

/* How abort() came to its signal is told by the signal. */
static size_t find_start(const struct crash *crash)
{
    const struct crash_line *culprit = crash_culprit(crash);
    return culprit && crash->facts.signal == SIGABRT ? (size_t)(culprit - crash->lines) : 0;
}

/* In a sentence, the functions, and the whole report. */
struct texts {
    struct buffer what, stack, words;
};

static void read_crash(const struct crash *crash, struct texts *texts)
{
    crash_print_what(crash, &texts->what);
    crash_print(crash, &texts->words);
    buffer_add_text(&texts->stack, "");
    for (size_t i = find_start(crash); i < crash_end(crash); i++)
        print_line(crash, &crash->lines[i], &texts->stack);
}

static void set(struct dev_master_app *app, size_t which, const char *text)
{
    free(app->crash[which]);
    app->crash[which] = memory_copy(text, strlen(text));
}

static void keep(struct dev_master_app *app, const char *request_id, struct texts *texts)
{
    set(app, 0, request_id);
    set(app, 1, texts->what.at);
    set(app, 2, texts->stack.at);
    set(app, 3, texts->words.at);
    app->state.crash =
        (struct dev_crash){app->crash[0], app->crash[1], app->crash[2], app->crash[3]};
    buffer_finish(&texts->what);
    buffer_finish(&texts->stack);
    buffer_finish(&texts->words);
}

static void tell(const struct dev_master_app *app)
{
    const struct dev_notice notice = {.kind = DEV_HAS_CRASHED,
                                      .app = app->state.name,
                                      .folder = app->recipe.folder,
                                      .text = app->state.crash.what,
                                      .stack = app->state.crash.stack};
    app->dev->options->notice(&notice);
}

/* What a sanitizer says is better than what can be told from outside. */
void dev_crash_tell(struct dev_master *dev, const struct crash *crash)
{
    struct dev_master_app *app = dev_master_find(dev, crash_app(crash));
    struct texts texts = {0};
    if (!app)
        return;
    scoped_free char *report = dev_asan_take_report(&app->recipe, crash->facts.pid);
    if (report) {
        dev_asan_read(str_of(report), &texts.what, &texts.stack);
        buffer_add_text(&texts.words, report);
    } else {
        read_crash(crash, &texts);
    }
    keep(app, crash->facts.request_id, &texts);
    dev_tell_workers(dev);
    tell(app);
}
