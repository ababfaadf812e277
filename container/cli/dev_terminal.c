/* dev_terminal.c - one line for what goes well, an excerpt for what does not. */
#include "cli/dev_terminal.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "app/dev_diagnostic.h"
#include "app/dev_stack.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "process/dev_master.h"

/* So many diagnostics are shown, and so many columns of a line. */
enum { SHOWN_MAX = 4, LINE_MOST = 160, TAB = 8 };

/* ---- the line of a file ---- */

/* Returns its length without the newline, or -1. */
static int read_line(const struct dev_notice *notice, const struct dev_diagnostic *at,
                     char out[LINE_MOST])
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s%s%.*s", at->file.at[0] == '/' ? "" : notice->folder,
             at->file.at[0] == '/' ? "" : "/", (int)at->file.len, at->file.at);
    FILE *in = fopen(path, "re");
    unsigned number = 1;
    int len = -1;
    for (int c; in && number <= at->line && (c = fgetc(in)) != EOF;) {
        if (number == at->line && c != '\n') {
            len = len < 0 ? 0 : len;
            if (len < LINE_MOST - 1)
                out[len++] = (char)((c >= 0 && c < ' ' && c != '\t') || c == 127 ? '?' : c);
        }
        number += c == '\n';
    }
    if (in)
        fclose(in);
    if (len >= 0)
        out[len] = 0;
    return len;
}

/* The caret below its column; what is above is as wide as it is written. */
static void print_caret(const char *line, const struct dev_diagnostic *at, enum ink ink, FILE *out)
{
    char text[LINE_MOST * 2];
    size_t len = 0;
    unsigned seen = 1;
    for (const char *c = line; *c && seen < at->column && len + 2 < sizeof(text); c++) {
        bool is_inside = (*c & 0xC0) == 0x80;
        if (!is_inside)
            text[len++] = *c == '\t' ? '\t' : ' ';
        if (at->is_visual && *c == '\t')
            seen += TAB - (seen - 1) % TAB;
        else
            seen += !(at->is_visual && is_inside);
    }
    text[len++] = '^';
    for (unsigned i = 1; i < at->width && len + 1 < sizeof(text); i++)
        text[len++] = '~';
    text[len] = 0;
    terminal_print(out, INK_DIM, "         | ");
    terminal_print(out, ink, "%s\n", text);
}

/* ---- diagnostics ---- */

static void print_diagnostic(const struct dev_notice *notice, const struct dev_diagnostic *at,
                             FILE *out)
{
    char line[LINE_MOST];
    enum ink ink = at->kind == DEV_ERROR ? INK_RED : INK_YELLOW;
    fputs("\n    ", out);
    terminal_print(out, INK_BOLD, "%.*s:%u%s", (int)at->file.len, at->file.at, at->line,
                   at->column ? "" : ":");
    if (at->column)
        terminal_print(out, INK_BOLD, ":%u:", at->column);
    terminal_print(out, ink, " %s: ", at->kind == DEV_ERROR ? "error" : "warning");
    fprintf(out, "%.*s\n", (int)at->message.len, at->message.at);
    if (read_line(notice, at, line) < 0)
        return;
    terminal_print(out, INK_DIM, "    %4u | ", at->line);
    fprintf(out, "%s\n", line);
    if (at->column)
        print_caret(line, at, ink, out);
}

static size_t print_kind(const struct dev_notice *notice, enum dev_kind kind, size_t most,
                         FILE *out)
{
    struct gale_str rest = str_of(notice->text);
    struct dev_diagnostic at;
    size_t count = 0;
    while (dev_diagnostic_next(&rest, &at))
        if (at.kind == kind && count++ < most)
            print_diagnostic(notice, &at, out);
    return count;
}

/* All of it, when nothing in it names a place. */
static void print_text(const char *text, FILE *out)
{
    struct gale_str rest = str_of(text);
    fputc('\n', out);
    while (rest.len) {
        struct gale_str line = str_cut(&rest, '\n');
        fprintf(out, "    %.*s\n", (int)line.len, line.at);
    }
}

static void print_found(const struct dev_notice *notice, FILE *out)
{
    bool is_trouble = notice->kind == DEV_IS_BROKEN || notice->kind == DEV_CONF_IS_REFUSED;
    size_t errors = print_kind(notice, DEV_ERROR, SHOWN_MAX, out);
    size_t most = errors < SHOWN_MAX ? SHOWN_MAX - errors : 0;
    size_t warnings = print_kind(notice, DEV_WARNING, most, out);
    if (!errors && is_trouble)
        print_text(notice->text, out);
    if (errors + warnings > SHOWN_MAX)
        terminal_print(out, INK_DIM, "\n    and %zu more: the page in the browser has them all\n",
                       errors + warnings - SHOWN_MAX);
    if (errors + warnings || is_trouble)
        fputc('\n', out);
}

/* ---- the line of a build ---- */

static void print_head(const struct dev_notice *notice, enum ink ink, const char *mark, FILE *out)
{
    fputs("  ", out);
    terminal_print(out, ink, "%s", mark);
    terminal_print(out, INK_BOLD, " %s", *notice->app ? notice->app : "the reload");
}

static void print_live(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_GREEN, "●", out);
    fprintf(out, " is live");
    if (notice->build_ms >= 0)
        terminal_print(out, INK_DIM, "  built in %.2f s, answers after %.2f s",
                       (double)notice->build_ms / 1000, (double)notice->ms / 1000);
    fputc('\n', out);
    print_found(notice, out);
}

static void print_broken(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_RED, "●", out);
    fprintf(out, notice->is_again ? " still does not build" : " does not build");
    terminal_print(out, INK_DIM, "  %.2f s, %s\n", (double)notice->build_ms / 1000, notice->title);
    if (!notice->is_again) /* else it is to be read above */
        print_found(notice, out);
}

static void print_refused(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_RED, "●", out);
    fprintf(out, "%s\n", *notice->app ? " was built, and does not open" : " is refused");
    print_text(notice->text, out);
    fputc('\n', out);
}

static void print_conf(const struct dev_notice *notice, FILE *out)
{
    bool is_live = notice->kind == DEV_CONF_IS_LIVE;
    print_head(notice, is_live ? INK_GREEN : INK_RED, "●", out);
    fputs(is_live ? " is live" : " is refused", out);
    if (is_live)
        terminal_print(out, INK_DIM, "  answers after %.2f s\n", (double)notice->ms / 1000);
    else
        terminal_print(out, INK_DIM, "  the configuration before it goes on\n");
    if (!is_live)
        print_found(notice, out);
}

static void print_files(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_GREEN, "●", out);
    terminal_print(out, INK_PLAIN, " has changed");
    if (*notice->text)
        terminal_print(out, INK_DIM, "  %s", notice->text);
    if (notice->count > 1)
        terminal_print(out, INK_DIM, " and %zu more", notice->count - 1);
    fputc('\n', out);
}

static void print_too_many(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_YELLOW, "●", out);
    fprintf(out,
            " has too many folders to watch\n\n    %zu of them at most are watched below %s:\n"
            "    changes in others are seen when you reload the page yourself\n\n",
            notice->count, notice->folder);
}

/* ---- crashes ---- */

/* The path of a frame whose source is there, and so somebody's who reads this. */
static bool find_source(const struct dev_notice *notice, const struct dev_frame *frame,
                        char path[PATH_MAX])
{
    bool is_absolute = str_starts_with(frame->file, STR("/"));
    snprintf(path, PATH_MAX, "%s%s%.*s", is_absolute ? "" : notice->folder, is_absolute ? "" : "/",
             (int)frame->file.len, frame->file.at);
    return frame->file.len && access(path, R_OK) == 0;
}

static bool print_frame(const struct dev_notice *notice, const struct dev_frame *frame, FILE *out)
{
    char path[PATH_MAX];
    size_t folder = strlen(notice->folder);
    if (!find_source(notice, frame, path))
        return false;
    bool is_below = strncmp(path, notice->folder, folder) == 0 && path[folder] == '/';
    fprintf(out, "    %.*s", (int)frame->function.len, frame->function.at);
    terminal_print(out, INK_DIM, "  %s", is_below ? path + folder + 1 : path);
    if (frame->line)
        terminal_print(out, INK_DIM, ":%u", frame->line);
    fputc('\n', out);
    return true;
}

/* A recursion is a line or a few. Returns how many frames were shown. */
static int print_fold(const struct dev_notice *notice, const struct dev_frame *frames,
                      const struct dev_fold *fold, FILE *out)
{
    struct buffer more = {0};
    int shown = 0;
    for (size_t i = 0; i < fold->period; i++)
        shown += print_frame(notice, &frames[i], out);
    if (shown && fold->more) {
        dev_stack_print_more(fold, &more);
        terminal_print(out, INK_DIM, "    … %s\n", more.at);
        buffer_finish(&more);
    }
    return shown;
}

static void print_stack(const struct dev_notice *notice, FILE *out)
{
    struct dev_frame frames[DEV_STACK_MOST];
    struct dev_fold fold;
    size_t count = dev_stack_read(notice->stack, frames, ARRAY_LEN(frames));
    int shown = 0;
    for (size_t at = 0; at < count && shown < SHOWN_MAX; at += fold.length) {
        fold = dev_stack_fold(&frames[at], count - at);
        shown += print_fold(notice, &frames[at], &fold, out);
    }
}

static void print_crash(const struct dev_notice *notice, FILE *out)
{
    print_head(notice, INK_RED, "●", out);
    fputs(" crashed\n", out);
    print_text(notice->text, out);
    print_stack(notice, out);
    fputc('\n', out);
}

void dev_terminal_print(const struct dev_notice *notice, FILE *out)
{
    static void (*const prints[])(const struct dev_notice *notice, FILE *out) = {
        [DEV_IS_LIVE] = print_live,
        [DEV_IS_BROKEN] = print_broken,
        [DEV_IS_REFUSED] = print_refused,
        [DEV_HAS_CRASHED] = print_crash,
        [DEV_CONF_IS_LIVE] = print_conf,
        [DEV_CONF_IS_REFUSED] = print_conf,
        [DEV_FILES_HAVE_CHANGED] = print_files,
        [DEV_FILES_ARE_TOO_MANY] = print_too_many,
    };
    prints[notice->kind](notice, out);
    fflush(out);
}
