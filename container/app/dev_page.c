/* dev_page.c - the pages, put together from what compilers and logs say. */
#include "app/dev_page.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/dev_diagnostic.h"
#include "app/dev_source.h"
#include "app/dev_stack.h"
#include "app/dev_state.h"
#include "base/buffer.h"
#include "base/embed.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "http/http_status.h"

/* The page is for reading: what comes after so many is in the compiler's own words below. */
enum { SECTIONS_MAX = 24, FRAMES_MAX = 40 };

EMBED(style, "container/app/dev.css");

/* ---- what every page has ---- */

static void put_text(struct buffer *out, const char *text)
{
    dev_source_escape(out, str_of(text));
}

static void put_start(struct buffer *out, struct gale_str title, const char *state, bool is_busy)
{
    buffer_add_text(out, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                         "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
                         "<link rel=icon href=\"data:,\">\n<title>");
    dev_source_escape(out, title);
    buffer_add_text(out, " · gale dev</title>\n<style>\n");
    buffer_add_text(out, style);
    buffer_printf(out,
                  "</style>\n</head>\n<body>\n<main>\n<header><b>gale dev</b><span%s>%s</span>"
                  "</header>\n<h1>",
                  is_busy ? " class=busy" : "", state);
    dev_source_escape(out, title);
    buffer_add_text(out, "</h1>\n");
}

static void put_end(struct buffer *out, const char *footer)
{
    buffer_printf(out, "<footer>%s</footer>\n</main>\n</body>\n</html>\n", footer);
}

static void put_words(struct buffer *out, const char *summary, const char *text, bool is_open)
{
    if (!*text)
        return;
    buffer_printf(out, "<details%s><summary>%s</summary><pre>", is_open ? " open" : "", summary);
    put_text(out, text);
    buffer_add_text(out, "</pre></details>\n");
}

/* ---- a diagnostic ---- */

static char *path_of(const struct dev_app *app, struct gale_str file)
{
    return file.at[0] == '/' ? memory_copy(file.at, file.len)
                             : memory_printf("%s/%.*s", app->folder, (int)file.len, file.at);
}

/* A file below the folder is shown from there. */
static struct gale_str short_name(const struct dev_app *app, struct gale_str file)
{
    size_t len = strlen(app->folder);
    if (len && file.len > len + 1 && memcmp(file.at, app->folder, len) == 0 && file.at[len] == '/')
        return (struct gale_str){file.at + len + 1, file.len - len - 1};
    return file;
}

static void put_place(struct buffer *out, const struct dev_app *app,
                      const struct dev_diagnostic *at)
{
    buffer_add_text(out, "<code>");
    dev_source_escape(out, short_name(app, at->file));
    buffer_printf(out, ":%u", at->line);
    if (at->column)
        buffer_printf(out, ":%u", at->column);
    buffer_add_text(out, "</code>");
}

static void put_excerpt(struct buffer *out, const struct dev_app *app,
                        const struct dev_diagnostic *at)
{
    scoped_free char *path = path_of(app, at->file);
    const struct dev_place place = {path, at->line, at->column, at->width, at->is_visual, {"", 0}};
    (void)dev_source_excerpt(out, &place);
}

static void put_note(struct buffer *out, const struct dev_app *app, const struct dev_diagnostic *at)
{
    buffer_add_text(out, "<p class=note><b>note</b>");
    dev_source_escape(out, at->message);
    put_place(out, app, at);
    buffer_add_text(out, "</p>\n");
}

static void put_diagnostic(struct buffer *out, const struct dev_app *app,
                           const struct dev_diagnostic *at)
{
    buffer_printf(out, "<section class=%s><h2>", at->kind == DEV_ERROR ? "error" : "warning");
    dev_source_escape(out, at->message);
    buffer_add_text(out, "</h2><p class=where>");
    put_place(out, app, at);
    buffer_add_text(out, "</p>\n");
    put_excerpt(out, app, at);
}

/* Those of one kind, each with the notes that follow it. Returns how many. */
static size_t put_kind(struct buffer *out, const struct dev_app *app, enum dev_kind kind)
{
    struct gale_str rest = str_of(app->text);
    struct dev_diagnostic at;
    size_t count = 0;
    bool is_within = false;
    while (dev_diagnostic_next(&rest, &at)) {
        if (at.kind == DEV_NOTE) {
            if (is_within)
                put_note(out, app, &at);
            continue;
        }
        if (is_within)
            buffer_add_text(out, "</section>\n");
        is_within = at.kind == kind && count++ < SECTIONS_MAX;
        if (is_within)
            put_diagnostic(out, app, &at);
    }
    if (is_within)
        buffer_add_text(out, "</section>\n");
    return count;
}

/* ---- trouble ---- */

static const char *verb_of(const struct dev_app *app)
{
    if (app->stage == DEV_FIRST)
        return "is being built";
    return app->stage == DEV_REFUSED ? "does not start" : "does not build";
}

static void put_count(struct buffer *out, size_t count, const char *what)
{
    if (count)
        buffer_printf(out, "%zu %s%s · ", count, what, count == 1 ? "" : "s");
}

static void put_facts(struct buffer *out, const struct dev_app *app)
{
    struct gale_str text = str_of(app->text);
    buffer_add_text(out, "<p class=facts>");
    if (app->stage == DEV_BROKEN) {
        put_count(out, dev_diagnostic_count(text, DEV_ERROR), "error");
        put_count(out, dev_diagnostic_count(text, DEV_WARNING), "warning");
    }
    buffer_add_text(out, "<code>");
    put_text(out, app->command);
    buffer_add_text(out, "</code>");
    if (app->stage != DEV_FIRST)
        buffer_printf(out, " · %.2f s", (double)app->ms / 1000);
    buffer_add_text(out, "</p>\n");
}

static void put_refusal(struct buffer *out, const struct dev_app *app)
{
    static const char mark[] = "; it said: ";
    const char *said = strstr(app->text, mark);
    size_t len = said ? (size_t)(said - app->text) : strlen(app->text);
    buffer_add_text(out, "<section class=error><h2>");
    dev_source_escape(out, (struct gale_str){app->text, len});
    buffer_add_text(out, "</h2><p class=where>it was built, and it does not open</p>");
    if (said) {
        buffer_add_text(out, "<pre class=words>");
        put_text(out, said + strlen(mark));
        buffer_add_text(out, "</pre>");
    }
    buffer_add_text(out, "</section>\n");
}

void dev_page_trouble(struct buffer *out, const struct dev_app *app)
{
    scoped_free char *title = memory_printf("%s %s", app->name, verb_of(app));
    bool is_first = app->stage == DEV_FIRST;
    size_t errors = 0;
    put_start(out, str_of(title), is_first ? "building" : "broken", is_first);
    put_facts(out, app);
    if (app->stage == DEV_REFUSED)
        put_refusal(out, app);
    if (app->stage == DEV_BROKEN) {
        errors = put_kind(out, app, DEV_ERROR);
        (void)put_kind(out, app, DEV_WARNING);
        put_words(out, "What the build said, word for word", app->text, !errors);
    }
    put_end(out, is_first ? "The app's own page comes by itself as soon as it is there."
                          : "This page goes away by itself when the file is mended and saved.");
}

void dev_page_conf(struct buffer *out, const struct dev_conf_state *conf)
{
    const struct dev_app as_app = {.folder = conf->folder, .text = conf->text};
    scoped_free char *title = memory_printf("%s is refused", conf->name);
    put_start(out, str_of(title), "broken", false);
    buffer_add_text(out, "<p class=facts>");
    put_count(out, dev_diagnostic_count(str_of(conf->text), DEV_ERROR), "error");
    buffer_add_text(out, "the configuration before it goes on</p>\n");
    if (!put_kind(out, &as_app, DEV_ERROR))
        put_words(out, "What is wrong", conf->text, true);
    put_end(out, "Programs are answered as before. This page goes away by itself when the file is "
                 "mended and saved.");
}

void dev_text_trouble(struct buffer *out, const struct dev_app *app)
{
    buffer_printf(out, "%s %s\n\n%s", app->name, verb_of(app), app->text);
    if (out->len && out->at[out->len - 1] != '\n')
        buffer_add_text(out, "\n");
}

/* ---- an error of the app's own ---- */

static const char *class_of(struct gale_str line)
{
    if (memmem(line.at, line.len, "level=error", 11))
        return "error";
    return memmem(line.at, line.len, "level=warn", 10) ? "warn" : "info";
}

/* One value of a line of the log, as it was before the log quoted it. Moves *rest behind it. */
static void put_value(struct buffer *out, struct gale_str *rest)
{
    bool is_quoted = rest->len && rest->at[0] == '"';
    size_t at = is_quoted;
    for (; at < rest->len && rest->at[at] != (is_quoted ? '"' : ' '); at++) {
        bool is_escape = is_quoted && rest->at[at] == '\\' && at + 1 < rest->len;
        at += is_escape;
        dev_source_escape(out, is_escape && rest->at[at] == 'n'
                                   ? STR("\n")
                                   : (struct gale_str){rest->at + at, 1});
    }
    at += is_quoted && at < rest->len;
    *rest = (struct gale_str){rest->at + at, rest->len - at};
}

/* What the page says anyway. */
static bool is_known(struct gale_str key)
{
    return str_equals(key, STR("app")) || str_equals(key, STR("id")) ||
           str_equals(key, STR("generation")) || str_equals(key, STR("request"));
}

/* The message, then the fields behind it. */
static void put_log_line(struct buffer *out, struct gale_str line)
{
    struct buffer value = {0};
    const char *message = memmem(line.at, line.len, " msg=", 5);
    if (!message)
        return;
    struct gale_str rest = {message + 5, line.len - (size_t)(message + 5 - line.at)};
    buffer_printf(out, "<span class=%s>", class_of(line));
    put_value(out, &rest);
    while ((rest = str_trim(rest)).len) {
        struct gale_str key = str_cut(&rest, '=');
        value.len = 0;
        buffer_add_text(&value, "");
        put_value(&value, &rest);
        if (!is_known(key))
            buffer_printf(out, " <small>%.*s=%s</small>", (int)key.len, key.at, value.at);
    }
    buffer_add_text(out, "</span>\n");
    buffer_finish(&value);
}

static void put_log(struct buffer *out, struct gale_str log)
{
    buffer_add_text(out, "<section class=plain><h2>What was logged meanwhile</h2>"
                         "<p class=where>the log lines of this request</p><pre class=log>");
    while (log.len) {
        struct gale_str line = str_cut(&log, '\n');
        put_log_line(out, line);
    }
    buffer_add_text(out, "</pre></section>\n");
}

static void put_request(struct buffer *out, const struct dev_request *request)
{
    buffer_add_text(out, "<p class=facts><code>");
    dev_source_escape(out, request->line);
    buffer_add_text(out, "</code> · request <code>");
    dev_source_escape(out, request->id);
    buffer_add_text(out, "</code></p>\n");
}

void dev_page_failure(struct buffer *out, struct gale_str app, int status,
                      const struct dev_request *request)
{
    scoped_free char *title = memory_printf("%.*s answered %d %s", (int)app.len, app.at, status,
                                            http_status_reason(status).at);
    put_start(out, str_of(title), "failed", false);
    put_request(out, request);
    if (request->log.len)
        put_log(out, request->log);
    else
        buffer_add_text(out, "<section class=plain><h2>Nothing was logged for it</h2>"
                             "<p class=where>gale_log(app, GALE_ERROR, ...) in the app's code "
                             "would show here</p></section>\n");
    put_end(out, "People who use the app see a plain error page instead.");
}

/* ---- crashes ---- */

static void put_frame_place(struct buffer *out, const struct dev_app *app,
                            const struct dev_frame *frame)
{
    if (!frame->file.len)
        return;
    buffer_add_text(out, "<code>");
    dev_source_escape(out, short_name(app, frame->file));
    if (frame->line)
        buffer_printf(out, ":%u", frame->line);
    buffer_add_text(out, "</code>");
}

/* With its source where that is there: frames of gale and of libraries are a line each. */
static void put_frame(struct buffer *out, const struct dev_app *app, const struct dev_frame *frame)
{
    buffer_printf(out, "<p class=note><b>%u</b><var>", frame->number);
    dev_source_escape(out, frame->function);
    buffer_add_text(out, "</var>");
    put_frame_place(out, app, frame);
    buffer_add_text(out, "</p>\n");
    if (!frame->line)
        return;
    scoped_free char *path = path_of(app, frame->file);
    const struct dev_place place = {path, frame->line, 0, 1, false, {"", 0}};
    (void)dev_source_excerpt(out, &place);
}

static bool has_source(const struct dev_app *app, const struct dev_frame *frame)
{
    scoped_free char *path = path_of(app, frame->file);
    return frame->line && access(path, R_OK) == 0;
}

/* What lies below the app's own functions is gale, which is the same each time. */
static size_t count_frames(const struct dev_app *app, const struct dev_frame *frames, size_t count)
{
    size_t last = count;
    while (last && !has_source(app, &frames[last - 1]))
        last--;
    return last ? last : count;
}

static void put_fold(struct buffer *out, const struct dev_fold *fold)
{
    struct buffer text = {0};
    if (!fold->more && !fold->left_out)
        return;
    buffer_add_text(&text, "");
    if (fold->more)
        dev_stack_print_more(fold, &text);
    if (fold->left_out) {
        buffer_add_text(&text, fold->more ? "; " : "");
        dev_stack_print_left_out(fold, &text);
    }
    buffer_printf(out, "<p class=fold>… %s</p>\n", text.at);
    buffer_finish(&text);
}

/* Of a fold the functions are told that go round. */
static void put_frames(struct buffer *out, const struct dev_app *app,
                       const struct dev_frame *frames, size_t count)
{
    struct dev_fold fold;
    size_t told = 0;
    for (size_t at = 0; at < count && told < FRAMES_MAX; at += fold.length) {
        fold = dev_stack_fold(&frames[at], count - at);
        for (size_t i = 0; i < fold.period; i++)
            put_frame(out, app, &frames[at + i]);
        put_fold(out, &fold);
        told += fold.period;
    }
}

static void put_stack(struct buffer *out, const struct dev_app *app)
{
    struct dev_frame frames[DEV_STACK_MOST];
    size_t count = dev_stack_read(app->crash.stack, frames, ARRAY_LEN(frames));
    buffer_add_text(out, "<section class=crash><h2>");
    put_text(out, app->crash.what);
    buffer_printf(out, "</h2><p class=where>%s</p>\n",
                  count ? "where it was, innermost first" : "where it was is not known");
    put_frames(out, app, frames, count_frames(app, frames, count));
    buffer_add_text(out, "</section>\n");
}

void dev_page_crash(struct buffer *out, const struct dev_app *app,
                    const struct dev_request *request)
{
    scoped_free char *title = memory_printf("%s crashed", app->name);
    put_start(out, str_of(title), "crashed", false);
    put_request(out, request);
    put_stack(out, app);
    if (request->log.len)
        put_log(out, request->log);
    put_words(out, "The whole report", app->crash.words, false);
    put_end(out, "Only this request was lost: a new worker runs already. The page is asked for "
                 "again when the file is saved.");
}

void dev_text_crash(struct buffer *out, const struct dev_app *app)
{
    buffer_printf(out, "%s crashed\n\n%s\n", app->name, app->crash.words);
}
