/* crash.c - from a record that nobody vouches for to a crash. */
#include "process/crash.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"

/* ---- the record ---- */

#define END_TEXT(text) ((text)[sizeof(text) - 1] = 0)

/* The outermost frames, as they follow each other. */
static void unroll(struct crash_record *record)
{
    enum { RING = CRASH_FRAMES - CRASH_INNER };
    struct crash_frame ring[RING];
    if (record->frame_total <= CRASH_FRAMES)
        return;
    memcpy(ring, record->frames + CRASH_INNER, sizeof(ring));
    uint32_t oldest = (record->frame_total - CRASH_INNER) % RING;
    for (uint32_t i = 0; i < RING; i++)
        record->frames[CRASH_INNER + i] = ring[(oldest + i) % RING];
}

static void make_safe(struct crash_record *record)
{
    unroll(record);
    END_TEXT(record->thread);
    END_TEXT(record->app);
    END_TEXT(record->request);
    END_TEXT(record->request_id);
    END_TEXT(record->message);
    END_TEXT(record->exception);
    if (record->module_count > CRASH_MODULES)
        record->module_count = CRASH_MODULES;
    for (uint32_t i = 0; i < record->module_count; i++)
        END_TEXT(record->modules[i].path);
    for (uint32_t i = 0; i < CRASH_FRAMES; i++)
        if (record->frames[i].module >= record->module_count)
            record->frames[i].module = CRASH_NO_MODULE;
}

static void add_line(struct crash *crash, struct crash_line line)
{
    crash->lines = memory_realloc(crash->lines, (crash->line_count + 1) * sizeof(*crash->lines));
    crash->lines[crash->line_count++] = line;
}

struct crash *crash_create(const struct crash_facts *facts, const struct crash_record *record)
{
    struct crash *crash = memory_zalloc(sizeof(*crash));
    crash->facts = *facts;
    memcpy(&crash->record, record, sizeof(*record));
    make_safe(&crash->record);
    crash->frame_count =
        crash->record.frame_total < CRASH_FRAMES ? crash->record.frame_total : CRASH_FRAMES;
    crash->died_ms = clock_wall_ms();
    crash->since_ms = clock_mono_ms();
    for (uint32_t i = 0; i < crash->frame_count; i++)
        add_line(crash, (struct crash_line){.frame = i});
    return crash;
}

static void forget_lines(struct crash *crash)
{
    for (size_t i = 0; i < crash->line_count; i++) {
        free(crash->lines[i].function);
        free(crash->lines[i].file);
    }
    free(crash->lines);
    crash->lines = NULL;
    crash->line_count = 0;
}

void crash_free(struct crash *crash)
{
    if (!crash)
        return;
    forget_lines(crash);
    free(crash->exception);
    for (size_t i = 0; i < CRASH_MODULES; i++)
        free(crash->originals[i]);
    free(crash);
}

void crash_name_module(struct crash *crash, unsigned module, const char *original)
{
    struct crash_module *it = &crash->record.modules[module];
    free(crash->originals[module]);
    crash->originals[module] = memory_copy(original, strlen(original));
    /* What lies in memory is not to be found any more; the original may still be the same. */
    if (strncmp(it->path, "/memfd:", 7) == 0)
        snprintf(it->path, sizeof(it->path), "%s", original);
}

void crash_set_app(struct crash *crash, const char *app)
{
    snprintf(crash->record.app, sizeof(crash->record.app), "%s", app);
}

/* ---- symbols ---- */

enum { LINES_MAX = 256 };

static char *known(struct gale_str text)
{
    return text.len ? memory_copy(text.at, text.len) : NULL;
}

static void take_line(struct crash *crash, struct gale_str text)
{
    uint64_t frame = 0, offset = 0, line = 0;
    bool has_frame = str_to_u64(str_cut(&text, '\t'), &frame) == 0;
    struct gale_str function = str_cut(&text, '\t');
    (void)str_to_u64(str_cut(&text, '\t'), &offset);
    struct gale_str file = str_cut(&text, '\t');
    if (!has_frame || str_to_u64(text, &line) < 0)
        return;
    if (frame == CRASH_FRAMES && !crash->exception)
        crash->exception = known(function);
    if (frame < crash->frame_count && crash->line_count < LINES_MAX)
        add_line(crash, (struct crash_line){.frame = (unsigned)frame,
                                            .function = known(function),
                                            .file = known(file),
                                            .offset = offset,
                                            .line = (unsigned)line});
}

static int by_frame(const void *left, const void *right)
{
    const struct crash_line *a = left, *b = right;
    return (a->frame > b->frame) - (a->frame < b->frame);
}

static bool has_frame(const struct crash *crash, unsigned frame)
{
    for (size_t i = 0; i < crash->line_count; i++)
        if (crash->lines[i].frame == frame)
            return true;
    return false;
}

/* Frames of which nothing became known stay as they are. */
static void fill_gaps(struct crash *crash)
{
    size_t known_lines = crash->line_count;
    for (uint32_t i = 0; i < crash->frame_count; i++)
        if (!has_frame(crash, i))
            add_line(crash, (struct crash_line){.frame = i});
    if (crash->line_count > known_lines)
        qsort(crash->lines, crash->line_count, sizeof(*crash->lines), by_frame);
}

void crash_add_symbols(struct crash *crash, const char *text, size_t len)
{
    struct gale_str rest = {text, len};
    forget_lines(crash);
    while (rest.len)
        take_line(crash, str_cut(&rest, '\n'));
    fill_gaps(crash);
}

/* ---- what it is about ---- */

const char *crash_app(const struct crash *crash)
{
    bool has_record = crash->record.stage != CRASH_NONE;
    return has_record ? crash->record.app : crash->facts.app;
}

uint32_t crash_depth(const struct crash *crash, unsigned frame)
{
    uint32_t left_out = crash->record.frame_total - crash->frame_count;
    return frame < CRASH_INNER ? frame : frame + left_out;
}

const char *crash_file(const struct crash *crash, const struct crash_line *line)
{
    unsigned module = crash->record.frames[line->frame].module;
    if (module == CRASH_NO_MODULE)
        return "";
    const char *original = crash->originals[module];
    return original ? original : crash->record.modules[module].path;
}

/* Whose functions are seldom at fault for what they are called with. */
static bool is_system(const char *path)
{
    static const char *const names[] = {
        "libc.so",     "libc-",  "ld-linux", "libm.so",  "libpthread", "libstdc++",
        "libgcc_s.so", "libc++", "libasan",  "libubsan", "libdl.so",   "libclang_rt.",
    };
    static char program[PATH_MAX];
    if (!program[0] && readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
        program[0] = 0;
    const char *slash = strrchr(path, '/');
    if (!slash || strcmp(path, program) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strncmp(slash + 1, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

bool crash_is_foreign(const struct crash *crash, const struct crash_line *line)
{
    return !is_system(crash_file(crash, line));
}

const struct crash_line *crash_culprit(const struct crash *crash)
{
    for (size_t i = 0; i < crash->line_count; i++)
        if (crash_is_foreign(crash, &crash->lines[i]))
            return &crash->lines[i];
    return crash->line_count ? &crash->lines[0] : NULL;
}

size_t crash_end(const struct crash *crash)
{
    size_t end = crash->line_count;
    while (end && !crash_is_foreign(crash, &crash->lines[end - 1]))
        end--;
    return end ? end : crash->line_count;
}

bool crash_is_exhaustion(const struct crash *crash)
{
    const struct crash_facts *facts = &crash->facts;
    const struct crash_record *record = &crash->record;
    bool is_time = facts->by != CRASH_BY_ITSELF || facts->signal == SIGXCPU;
    bool is_memory = facts->is_out_of_memory || record->has_no_memory ||
                     strstr(record->exception, "bad_alloc"); /* mangled, or one derived from it */
    return is_time || is_memory;
}

const char *crash_name(const struct crash *crash, char *out, size_t size)
{
    const struct crash_record *record = &crash->record;
    int number =
        record->stage != CRASH_NONE && record->signal ? record->signal : crash->facts.signal;
    const char *name = number ? sigabbrev_np(number) : NULL;
    if (crash->facts.by == CRASH_BY_WATCHDOG)
        snprintf(out, size, "stuck");
    else if (record->stage != CRASH_NONE && record->cause == CRASH_EXIT)
        snprintf(out, size, "exit(%d)", record->status);
    else if (record->stage != CRASH_NONE && record->cause == CRASH_SANITIZER)
        snprintf(out, size, "sanitizer");
    else if (name)
        snprintf(out, size, "SIG%s", name);
    else
        snprintf(out, size, number ? "signal %d" : "exit", number);
    return out;
}
