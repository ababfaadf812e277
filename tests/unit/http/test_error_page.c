/* error_page.c: statuses, the server's own pages, and gale's. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "http/error_page.h"
#include "http/test_front.h"

START_TEST(statuses)
{
    static const struct {
        int verdict;
        bool request_side;
        int status;
    } rows[] = {
        {404, false, 404},        {599, true, 599},         {1, false, 404},
        {-EMSGSIZE, true, 413},   {-EBADMSG, true, 400},    {-EBADMSG, false, 500},
        {-ETIMEDOUT, true, 408},  {-ETIMEDOUT, false, 504}, {-EAGAIN, false, 503},
        {-EMFILE, false, 503},    {-ENOSPC, false, 503},    {-EIO, false, 500},
        {-EDQUOT, false, 503},    {-ENOMEM, false, 503},    {-ENOBUFS, false, 503},
        {-ECONNRESET, true, 400}, {0, false, 500},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_int_eq(error_status(rows[i].verdict, rows[i].request_side), rows[i].status);
}
END_TEST

START_TEST(statuses_of_what_was_cut)
{
    static const int rows[][3] = {
        {-ECANCELED, -ECANCELED, 499},
        {-EIO, -ECANCELED, 499},
        {-ECONNRESET, 0, 499},
        {-EPIPE, 0, 499},
        {-ECANCELED, 0, 499},
        {-ETIMEDOUT, -ETIMEDOUT, 504},
        {-EIO, -ETIMEDOUT, 504},
        {-ETIMEDOUT, 0, 408},
        {-EIO, 0, 500},
        {-EPROTO, 0, 500},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_int_eq(error_status_of_cut(rows[i][0], rows[i][1]), rows[i][2]);
}
END_TEST

static int status_wanted;

static int refuse(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)req;
    (void)res;
    return status_wanted;
}

static void ask(struct test_front *front, const struct error_pages *pages, int status)
{
    status_wanted = status;
    test_front_init(front, "GET", "/");
    test_front_header(front, "Accept", "text/html");
    front->exchange.errors = pages;
    ck_assert_int_eq(test_front_serve(front, refuse, NULL), 0);
    ck_assert_int_eq(front->status, status);
}

START_TEST(own_pages)
{
    char folder[] = "/tmp/gale-pages-XXXXXX", path[64];
    struct arena arena;
    struct test_front front;
    struct error_pages pages;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/404.html", folder);
    FILE *file = fopen(path, "w");
    fputs("<p>nothing here</p>", file);
    fclose(file);
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct setting_pair items[] = {{.name = "404", .value = "404.html", .file = "f", .line = 1}};
    struct setting_pairs pairs = {items, 1};
    ck_assert_int_eq(error_pages_open(&pages, &pairs, folder, &errors), 0);
    ask(&front, &pages, 404);
    ck_assert_str_eq(front.body.at, "<p>nothing here</p>");
    test_front_finish(&front);
    ask(&front, &pages, 403);
    ck_assert_ptr_nonnull(strstr(front.body.at, "<h1>403</h1>"));
    ck_assert_ptr_nonnull(strstr(front.body.at, front.exchange.req.id));
    test_front_finish(&front);
    error_pages_close(&pages);
    unlink(path);
    rmdir(folder);
    arena_finish(&arena);
}
END_TEST

START_TEST(wrong_pages_are_told)
{
    struct arena arena;
    struct error_pages pages;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct setting_pair items[] = {
        {.name = "200", .value = "x", .file = "f", .line = 7},
        {.name = "4o4", .value = "x", .file = "f", .line = 8},
        {.name = "404", .value = "/nonexistent/404.html", .file = "f", .line = 9},
        {.name = "500", .value = "/dev", .file = "f", .line = 10},
    };
    struct setting_pairs pairs = {items, ARRAY_LEN(items)};
    ck_assert_int_eq(error_pages_open(&pages, &pairs, "/", &errors), -EINVAL);
    ck_assert_uint_eq(errors.len, 4);
    ck_assert_ptr_nonnull(strstr(errors.items[0].text, "'200' is not a status"));
    ck_assert_ptr_nonnull(strstr(errors.items[2].text, "/nonexistent/404.html"));
    error_pages_close(&pages);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(statuses, statuses_of_what_was_cut, own_pages, wrong_pages_are_told)
