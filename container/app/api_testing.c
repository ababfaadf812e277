/* api_testing.c - gale/testing.h over the front that has no wire. */
#include "app/testing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/router.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "http/test_front.h"
#include "loop/task.h"
#include "loop/timer.h"

/* An answer, or a text: whatever the test may look at until its end. */
struct kept {
    struct list link;
    char *text; /* owned; NULL: an answer */
    struct test_front front;
    struct gale_answer answer;
};

void testing_init(struct gale_test *test, struct gale_app *app, struct router *router, FILE *out)
{
    *test = (struct gale_test){.app = app, .router = router, .out = out};
    list_init(&test->kept);
}

void testing_finish(struct gale_test *test)
{
    struct list *link;
    while ((link = list_pop(&test->kept)) != NULL) {
        struct kept *kept = container_of(link, struct kept, link);
        if (!kept->text)
            test_front_finish(&kept->front);
        free(kept->text);
        free(kept);
    }
}

struct gale_app *gale_test_app(struct gale_test *t)
{
    return t->app;
}

/* ---- asking ---- */

struct fetching {
    struct gale_test *test;
    const struct gale_fetch *fetch;
    struct kept *kept;
    struct task *task;
    struct timer leave;
    bool is_declined;
};

/* "Name: value", a line each. */
static void add_headers(struct test_front *front, const char *headers)
{
    struct gale_str rest = str_of(headers ? headers : "");
    while (rest.len) {
        struct gale_str value = str_cut(&rest, '\n'), name = str_cut(&value, ':');
        scoped_free char *key = memory_copy(name.at, name.len);
        value = str_trim(value);
        scoped_free char *text = memory_copy(value.at ? value.at : "", value.len);
        if (*key)
            test_front_header(front, key, text);
    }
}

static void add_body(struct test_front *front, const struct gale_fetch *fetch)
{
    if (!fetch->body)
        return;
    if (fetch->is_chunked)
        test_front_chunked(front, fetch->body, fetch->body_len, fetch->piece);
    else
        test_front_body(front, fetch->body, fetch->body_len, fetch->piece);
}

static struct gale_str text_of(struct buffer *buffer)
{
    return buffer->at ? buffer_str(buffer) : STR("");
}

static void take_answer(struct fetching *fetching)
{
    struct test_front *front = &fetching->kept->front;
    fetching->kept->answer = (struct gale_answer){
        .status = front->status,
        .head = text_of(&front->head),
        .body = text_of(&front->body),
        .is_whole = front->is_finished && !front->is_cut && !front->refused,
        .is_declined = fetching->is_declined,
        .flushes = front->flushes,
    };
}

static int on_left(void *data)
{
    struct fetching *fetching = data;
    const struct gale_fetch *fetch = fetching->fetch;
    take_answer(fetching);
    if (!fetch->on_output || !fetch->on_output(fetch->data, &fetching->kept->answer))
        return 0;
    task_cancel(fetching->task, -ECANCELED);
    return 1;
}

static void on_leave(void *data)
{
    struct fetching *fetching = data;
    fetching->kept->front.refused = -EPIPE;
    task_cancel(fetching->task, -ECANCELED);
}

static void before_park(void *data)
{
    struct fetching *fetching = data;
    response_push(&fetching->kept->front.exchange.res);
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct fetching *fetching = data;
    int verdict = router_serve(fetching->test->router, req, res);
    fetching->is_declined = verdict == 404 && !exchange_of_request(req)->app;
    return verdict;
}

static void fetch(struct fetching *fetching)
{
    struct test_front *front = &fetching->kept->front;
    struct task *task = fetching->task;
    if (fetching->fetch->leave_ms > 0)
        timer_start(task_loop(task), &fetching->leave, fetching->fetch->leave_ms);
    task_set_park_hook(task, before_park, fetching);
    int status = test_front_serve(front, serve, fetching);
    task_set_park_hook(task, NULL, NULL);
    task_set_label(task, NULL);
    task_reset(task);
    timer_stop(task_loop(task), &fetching->leave);
    take_answer(fetching);
    if (status) /* refused by gale itself, before the plugin saw it */
        fetching->kept->answer.status = status;
}

const struct gale_answer *gale_fetch_with(struct gale_test *t, const struct gale_fetch *what)
{
    struct kept *kept = memory_zalloc(sizeof(*kept));
    struct fetching fetching = {.test = t,
                                .fetch = what,
                                .kept = kept,
                                .task = task_current(),
                                .leave = {.fn = on_leave, .data = &fetching}};
    list_append(&t->kept, &kept->link);
    test_front_init(&kept->front, what->method ? what->method : "GET",
                    what->target ? what->target : "/");
    test_front_on_left(&kept->front, on_left, &fetching);
    add_headers(&kept->front, what->headers);
    add_body(&kept->front, what);
    fetch(&fetching);
    return &kept->answer;
}

const struct gale_answer *gale_fetch(struct gale_test *t, const char *method, const char *target,
                                     const char *headers, const char *body)
{
    const struct gale_fetch what = {.method = method,
                                    .target = target,
                                    .headers = headers,
                                    .body = body,
                                    .body_len = body ? strlen(body) : 0};
    return gale_fetch_with(t, &what);
}

const char *gale_answer_header(struct gale_test *t, const struct gale_answer *answer,
                               const char *name, const char *fallback)
{
    struct gale_str rest = answer->head;
    while (rest.len) {
        struct gale_str value = str_cut(&rest, '\n'), field = str_cut(&value, ':');
        if (!str_equals_nocase(field, str_of(name)))
            continue;
        struct kept *kept = memory_zalloc(sizeof(*kept));
        value = str_trim(value);
        kept->text = memory_copy(value.at, value.len);
        list_append(&t->kept, &kept->link);
        return kept->text;
    }
    return fallback;
}

/* ---- expecting ---- */

/* Flushed, so that it is there should the next line crash. */
static void __attribute__((format(printf, 4, 5)))
fail(struct gale_test *t, const char *file, int line, const char *format, ...)
{
    va_list args;
    t->failures++;
    if (file)
        fprintf(t->out, "%s:%d: ", file, line);
    va_start(args, format);
    vfprintf(t->out, format, args);
    va_end(args);
    fputc('\n', t->out);
    fflush(t->out);
}

/* As one would write it in C, and no more than a few lines of it. */
static char *quote(const char *text)
{
    enum { SHOWN = 400 };
    static const char letters[] = "n\nt\tr\r\"\"\\\\";
    struct buffer out = {0};
    if (!text)
        return memory_copy("NULL", 4);
    buffer_add_text(&out, "\"");
    for (const char *at = text; *at && at < text + SHOWN; at++) {
        const char *letter = letters;
        while (*letter && letter[1] != *at)
            letter += 2;
        if (*letter)
            buffer_printf(&out, "\\%c", *letter);
        else if ((unsigned char)*at < ' ')
            buffer_printf(&out, "\\x%02x", (unsigned char)*at);
        else
            buffer_add(&out, at, 1);
    }
    buffer_add_text(&out, strlen(text) > SHOWN ? "\"..." : "\"");
    return buffer_steal(&out);
}

int gale_expect(struct gale_test *t, int holds, const char *text, const char *file, int line)
{
    if (!holds)
        fail(t, file, line, "%s does not hold", text);
    return holds;
}

int gale_expect_int(struct gale_test *t, int64_t got, int64_t expected, const char *text,
                    const char *file, int line)
{
    if (got != expected)
        fail(t, file, line, "%s is %lld, expected %lld", text, (long long)got, (long long)expected);
    return got == expected;
}

static int expect_text(struct gale_test *t, bool holds, const char *what, const char *got,
                       const char *expected, const char *file, int line, const char *verb)
{
    scoped_free char *is = quote(got), *wanted = quote(expected);
    if (!holds)
        fail(t, file, line, "%s is %s, %s %s", what, is, verb, wanted);
    return holds;
}

int gale_expect_text(struct gale_test *t, const char *got, const char *expected, const char *text,
                     const char *file, int line)
{
    bool holds = got == expected || (got && expected && strcmp(got, expected) == 0);
    return expect_text(t, holds, text, got, expected, file, line, "expected");
}

int gale_expect_contains(struct gale_test *t, const char *got, const char *part, const char *text,
                         const char *file, int line)
{
    return expect_text(t, got && strstr(got, part), text, got, part, file, line, "which lacks");
}

void gale_fail(struct gale_test *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct buffer text = {0};
    buffer_vprintf(&text, format, args);
    va_end(args);
    fail(t, NULL, 0, "%s", text.at);
    buffer_finish(&text);
}
