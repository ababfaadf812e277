/* crash_text.c - sentences, and the report. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/crash.h"
#include "process/json.h"

/* ---- faults ---- */

enum { NEAR_NULL = 4096 };

static const char *kind_of_address(const struct crash_record *record)
{
    if (record->address == 0)
        return "a NULL pointer";
    if (record->address < NEAR_NULL)
        return "a part of what a NULL pointer points to";
    if (record->signal == SIGBUS)
        return "in a file that was cut short or replaced in place while it was mapped, or memory "
               "that the system could not give";
    return record->code == SEGV_ACCERR ? "memory that does not allow that" : "where no memory is";
}

static void print_fault(const struct crash_record *record, struct buffer *out)
{
    static const char *const verbs[] = {"it touched", "it read", "it wrote to", "it jumped to"};
    if (record->is_task_overflow)
        buffer_add_text(out, ": the task's stack overflowed; use less of it, or raise the "
                             "plugin's stack_size");
    else if (record->is_stack_overflow)
        buffer_add_text(out, ": the stack overflowed, or the stack pointer was overwritten");
    else if (record->has_address)
        buffer_printf(out, ": %s address 0x%llx, %s",
                      record->access < ARRAY_LEN(verbs) ? verbs[record->access] : verbs[0],
                      (unsigned long long)record->address, kind_of_address(record));
    else
        buffer_add_text(out, ": it used a pointer that can't be one, overwritten or never set");
}

static const struct {
    int signal, code; /* 0: any */
    const char *text;
} meanings[] = {
    {SIGFPE, FPE_INTDIV, "a division by zero"},
    {SIGFPE, FPE_INTOVF, "an integer that overflowed"},
    {SIGFPE, 0, "arithmetic that has no result"},
    {SIGILL, 0,
     "an instruction that does not exist: __builtin_trap or __builtin_unreachable, or "
     "a jump to what is no code"},
    {SIGTRAP, 0, "a breakpoint or __builtin_trap that nobody was waiting for"},
    {SIGSYS, 0, "a system call that is forbidden here"},
    {SIGXCPU, 0, "the limit of CPU time (RLIMIT_CPU)"},
    {SIGXFSZ, 0, "the limit of a file's size (RLIMIT_FSIZE)"},
};

static const char *meaning_of(const struct crash_record *record)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].signal == record->signal &&
            (!meanings[i].code || meanings[i].code == record->code))
            return meanings[i].text;
    return NULL;
}

/* One line of what may be several, and may end in a newline. */
static void print_message(const char *message, struct buffer *out)
{
    size_t len = strcspn(message, "\n");
    buffer_add(out, message, len);
}

static void print_abort(const struct crash *crash, struct buffer *out)
{
    const struct crash_record *record = &crash->record;
    const char *type = crash->exception ? crash->exception : record->exception;
    if (record->message[0]) {
        buffer_add_text(out, ": ");
        print_message(record->message, out);
    } else if (*type) {
        buffer_printf(out, ": nobody caught the C++ exception %s", type);
    } else {
        buffer_add_text(out, ": abort() was called");
    }
}

static bool is_sent(const struct crash *crash)
{
    return crash->record.sender && crash->record.sender != crash->facts.pid;
}

/* The kernel sends these as if the process did. */
static bool is_limit(int number)
{
    return number == SIGXCPU || number == SIGXFSZ;
}

static void print_signal(const struct crash *crash, struct buffer *out)
{
    const struct crash_record *record = &crash->record;
    const char *meaning = meaning_of(record);
    if (is_sent(crash))
        buffer_printf(out, ": sent by process %d", record->sender);
    else if (record->signal == SIGABRT)
        print_abort(crash, out);
    else if (meaning && (record->code > 0 || is_limit(record->signal)))
        buffer_printf(out, ": %s", meaning);
    else if (record->code <= 0)
        buffer_add_text(out, ": raised by the process itself");
    else
        print_fault(record, out);
}

/* ---- ends that left no record ---- */

static void print_silent(const struct crash *crash, struct buffer *out)
{
    const struct crash_facts *facts = &crash->facts;
    if (facts->is_out_of_memory)
        buffer_add_text(out, ": the kernel's OOM killer, for lack of memory");
    else if (facts->signal == SIGKILL && facts->by == CRASH_BY_ITSELF)
        buffer_add_text(out, ": killed from outside, perhaps for lack of memory");
    else if (facts->signal == SIGSEGV)
        buffer_add_text(out, ": it left no record, as when the stack of a thread that the plugin "
                             "started overflows");
    else if (!facts->signal)
        buffer_add_text(out, ": it ended by _exit()");
    if (facts->memory && facts->signal == SIGKILL && facts->by == CRASH_BY_ITSELF)
        buffer_printf(out, "; it held %lld MiB when last looked at",
                      (long long)(facts->memory >> 20));
}

static void print_order(const struct crash_facts *facts, struct buffer *out)
{
    if (facts->by == CRASH_BY_START_TIME)
        buffer_add_text(out, "it did not open its apps within start_timeout");
    else if (facts->by == CRASH_BY_END_TIME)
        buffer_add_text(out, "it did not end in time");
    else
        buffer_printf(out, "stuck: its loop had not turned for %lld.%lld s%s",
                      (long long)(facts->silent_ms / 1000),
                      (long long)(facts->silent_ms % 1000 / 100),
                      facts->is_stopped ? "; it was stopped (SIGSTOP)" : "");
}

void crash_print_what(const struct crash *crash, struct buffer *out)
{
    const struct crash_record *record = &crash->record;
    char name[32];
    if (crash->facts.by != CRASH_BY_ITSELF) {
        print_order(&crash->facts, out);
        return;
    }
    buffer_add_text(out, crash_name(crash, name, sizeof(name)));
    if (record->stage == CRASH_NONE)
        print_silent(crash, out);
    else if (record->cause == CRASH_EXIT)
        buffer_add_text(out, " was called, which ends the worker and all that it serves");
    else if (record->cause == CRASH_SANITIZER)
        buffer_add_text(out, ": a sanitizer found an error; its own report stands on standard "
                             "error");
    else
        print_signal(crash, out);
}

/* ---- the stack ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Of an address without a name: where it is in its file, if it is in one. */
static uint64_t offset_of(const struct crash *crash, const struct crash_line *line)
{
    const struct crash_frame *frame = &crash->record.frames[line->frame];
    if (line->offset)
        return line->offset;
    return *crash_file(crash, line) ? frame->offset : frame->address;
}

static void print_function(const struct crash *crash, const struct crash_line *line,
                           struct buffer *out)
{
    if (!line->function)
        buffer_printf(out, "0x%llx", (unsigned long long)offset_of(crash, line));
    else if (line->offset && !line->file)
        buffer_printf(out, "%s+0x%llx", line->function, (unsigned long long)line->offset);
    else
        buffer_add_text(out, line->function);
}

void crash_print_place(const struct crash *crash, struct buffer *out)
{
    const struct crash_line *line = crash_culprit(crash);
    if (!line)
        return;
    const char *file = last_part(crash_file(crash, line));
    if (line->file) {
        buffer_printf(out, "%s:%u", line->file, line->line);
        return;
    }
    print_function(crash, line, out);
    if (*file)
        buffer_printf(out, " (%s)", file);
}

/* The same place again and again: a recursion. */
static bool is_repeated(const struct crash_line *a, const struct crash_line *b)
{
    return a->function && b->function && strcmp(a->function, b->function) == 0 &&
           a->line == b->line && a->offset == b->offset && a->frame != b->frame;
}

static size_t count_repeated(const struct crash *crash, size_t from, size_t end)
{
    size_t to = from + 1;
    while (to < end && is_repeated(&crash->lines[from], &crash->lines[to]))
        to++;
    return to - from;
}

static void print_line(const struct crash *crash, const struct crash_line *line, struct buffer *out)
{
    enum { COLUMN = 28 };
    struct buffer name = {0};
    const char *module = last_part(crash_file(crash, line));
    print_function(crash, line, &name);
    buffer_printf(out, "  #%-3u %-*s", crash_depth(crash, line->frame), COLUMN, name.at);
    buffer_finish(&name);
    if (line->file)
        buffer_printf(out, "  %s:%u", line->file, line->line);
    buffer_printf(out, "  %s\n", *module ? module : "(in no file)");
}

static void print_stack(const struct crash *crash, struct buffer *out)
{
    size_t end = crash_end(crash), same;
    if (crash->line_count)
        buffer_add_text(out, "stack, innermost first:\n");
    for (size_t i = 0; i < end; i += same) {
        const struct crash_line *line = &crash->lines[i];
        same = count_repeated(crash, i, end);
        print_line(crash, line, out);
        uint32_t depth = crash_depth(crash, crash->lines[i + same - 1].frame);
        if (same > 1)
            buffer_printf(out, "  ...  the same, up to #%u\n", depth);
    }
    const char *caller = end < crash->line_count ? crash_file(crash, &crash->lines[end]) : "";
    if (*caller)
        buffer_printf(out, "  ...  called by %s\n", last_part(caller));
    if (crash->record.is_broken)
        buffer_add_text(out, "  ...  the rest of the stack is broken\n");
    else if (crash->record.stage == CRASH_WRITING)
        buffer_add_text(out, "  ...  the record ends here\n");
}

/* ---- the report ---- */

static void print_row(struct buffer *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void print_row(struct buffer *out, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_printf(out, "%-10s", key);
    buffer_vprintf(out, format, args);
    buffer_add_text(out, "\n");
    va_end(args);
}

struct work {
    const char *app, *request, *request_id;
};

static struct work work_of(const struct crash *crash)
{
    const struct crash_record *record = &crash->record;
    const struct crash_facts *facts = &crash->facts;
    if (record->stage != CRASH_NONE)
        return (struct work){record->app, record->request, record->request_id};
    return (struct work){facts->app, facts->request, facts->request_id};
}

static void print_work(const struct crash *crash, struct buffer *out)
{
    struct work work = work_of(crash);
    const struct crash_line *culprit = crash_culprit(crash);
    if (*work.app)
        print_row(out, "app", "%s", work.app);
    if (culprit && crash_is_foreign(crash, culprit))
        print_row(out, "plugin", "%s", crash_file(crash, culprit));
    if (*work.request && *work.request_id)
        print_row(out, "request", "%s, id %s", work.request, work.request_id);
    else if (*work.request)
        print_row(out, "request", "%s", work.request);
}

static void print_process(const struct crash *crash, struct buffer *out)
{
    const struct crash_facts *facts = &crash->facts;
    const struct crash_record *record = &crash->record;
    bool is_loop = record->tid == facts->pid;
    buffer_printf(out, "%-10s%u%s%s of generation %llu, pid %d", "worker", facts->place,
                  facts->group[0] ? " of the app " : "", facts->group,
                  (unsigned long long)facts->generation, (int)facts->pid);
    if (facts->served_ms >= 0)
        buffer_printf(out, ", which had served for %lld.%lld s", (long long)facts->served_ms / 1000,
                      (long long)facts->served_ms % 1000 / 100);
    if (record->stage != CRASH_NONE && !is_loop)
        buffer_printf(out, "; in its thread %s, %d", record->thread, record->tid);
    buffer_add_text(out, "\n");
}

void crash_print(const struct crash *crash, struct buffer *out)
{
    struct buffer text = {0};
    crash_print_what(crash, &text);
    print_row(out, "what", "%s", text.at);
    text.len = 0;
    crash_print_place(crash, &text);
    const struct crash_line *culprit = crash_culprit(crash);
    if (culprit && culprit->function && culprit->file)
        buffer_printf(&text, " in %s", culprit->function);
    if (text.len)
        print_row(out, "where", "%s", text.at);
    buffer_finish(&text);
    print_work(crash, out);
    print_process(crash, out);
    print_stack(crash, out);
}

/* ---- to the log and to programs ---- */

static struct gale_str or_unknown(const char *text)
{
    return str_of(*text ? text : "-");
}

void crash_log(const struct crash *crash)
{
    struct buffer report = {0}, place = {0};
    char name[32];
    struct work work = work_of(crash);
    buffer_add_text(&place, "");
    crash_print_place(crash, &place);
    crash_print(crash, &report);
    log_error("crash report", LOG_TEXT("what", crash_name(crash, name, sizeof(name))),
              LOG_STR("app", or_unknown(work.app)), LOG_STR("at", or_unknown(place.at)),
              LOG_STR("request", or_unknown(work.request)),
              LOG_STR("id", or_unknown(work.request_id)),
              LOG_NUMBER("generation", (int64_t)crash->facts.generation),
              LOG_NUMBER("worker", crash->facts.place), LOG_NUMBER("worker_pid", crash->facts.pid));
    log_lines(LOG_LEVEL_ERROR, report.at);
    buffer_finish(&report);
    buffer_finish(&place);
}

static void write_line(const struct crash *crash, const struct crash_line *line, struct json *json)
{
    json_open(json, NULL, '{');
    json_number(json, "frame", crash_depth(crash, line->frame));
    json_text(json, "function", line->function);
    json_number(json, "offset", (int64_t)line->offset);
    json_text(json, "file", line->file);
    if (line->file)
        json_number(json, "line", line->line);
    json_text(json, "module", crash_file(crash, line));
    json_close(json, '}');
}

static void write_texts(const struct crash *crash, struct json *json)
{
    struct buffer text = {0};
    crash_print_what(crash, &text);
    json_text(json, "text", text.at);
    text.len = 0;
    buffer_add_text(&text, "");
    crash_print_place(crash, &text);
    json_text(json, "at", text.at);
    text.len = 0;
    crash_print(crash, &text);
    json_text(json, "report", text.at);
    buffer_finish(&text);
}

void crash_write(const struct crash *crash, struct json *json)
{
    struct work work = work_of(crash);
    char name[32];
    json_text(json, "what", crash_name(crash, name, sizeof(name)));
    json_number(json, "generation", (int64_t)crash->facts.generation);
    json_number(json, "worker", crash->facts.place);
    json_number(json, "pid", crash->facts.pid);
    json_text(json, "request", work.request);
    json_text(json, "request_id", work.request_id);
    write_texts(crash, json);
    json_open(json, "stack", '[');
    for (size_t i = 0; i < crash->line_count; i++)
        write_line(crash, &crash->lines[i], json);
    json_close(json, ']');
}
