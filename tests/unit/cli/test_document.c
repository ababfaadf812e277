/* Every key is documented in each form, and conf/full.ini and docs/configuration.md are up to date.
 */
#include "unit.h"

#include <string.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "captured.h"
#include "cli/adapters.h"
#include "cli/document.h"

static char *ini(void)
{
    struct captured captured;
    document_ini(capture(&captured));
    return captured_text(&captured);
}

static char *markdown(void)
{
    struct captured captured;
    document_markdown(capture(&captured));
    return captured_text(&captured);
}

/* A table of keys in each form. */
struct texts {
    const char *ini, *mdoc, *markdown;
};

static void check_table(const struct setting *table, const struct texts *texts)
{
    for (const struct setting *row = table; row->key; row++) {
        bool is_named = row->type == SETTING_NAMED;
        scoped_free char *in_ini = memory_printf("\n; %s ", row->key);
        scoped_free char *in_mdoc = memory_printf("\n.It Ic %s ", row->key);
        scoped_free char *in_markdown =
            memory_printf("\n| `%s%s` | ", row->key, is_named ? " NAME" : "");
        scoped_free char *begin = memory_copy(row->help, strcspn(row->help, " "));
        ck_assert_msg(strstr(texts->ini, in_ini) != NULL, "%s", in_ini);
        ck_assert_msg(strstr(texts->mdoc, in_mdoc) != NULL, "%s", in_mdoc);
        ck_assert_msg(strstr(texts->markdown, in_markdown) != NULL, "%s", in_markdown);
        ck_assert_msg(strstr(texts->mdoc, begin) != NULL, "%s", begin);
    }
}

START_TEST(every_key_stands_in_each)
{
    struct captured captured;
    document_mdoc(capture(&captured));
    scoped_free char *mdoc_text = captured_text(&captured);
    scoped_free char *ini_text = ini(), *markdown_text = markdown();
    const struct texts texts = {ini_text, mdoc_text, markdown_text};
    check_table(server_table, &texts);
    check_table(app_table, &texts);
    check_table(isolation_table, &texts);
    for (const struct adapter *const *at = adapters; *at; at++)
        check_table((*at)->table, &texts);
}
END_TEST

START_TEST(no_line_of_mdoc_is_taken_for_a_request)
{
    struct captured captured;
    document_mdoc(capture(&captured));
    scoped_free char *text = captured_text(&captured);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        bool is_request = *line == '.' || *line == '\'';
        ck_assert_msg(!is_request || strncmp(line, ".It ", 4) == 0 ||
                          strncmp(line, ".Ql ", 4) == 0 || strncmp(line, ".Bl ", 4) == 0 ||
                          strncmp(line, ".El", 3) == 0 || strncmp(line, ".Ss ", 4) == 0 ||
                          strncmp(line, ".Ic ", 4) == 0,
                      "%.40s", line);
    }
}
END_TEST

/* A default that the reader itself would refuse is no default. */
START_TEST(the_defaults_are_right)
{
    scoped_free char *text = ini();
    for (char *at = text; (at = strstr(at, "\n; ")) != NULL; at++) {
        char *end = strchr(at + 1, '\n');
        scoped_free char *line = memory_copy(at + 3, (size_t)(end - at - 3));
        struct arena arena;
        arena_init(&arena, NULL, 0);
        struct setting_errors errors = {.arena = &arena};
        const char *equals = strstr(line, " = ");
        scoped_free char *key = memory_copy(line, equals ? (size_t)(equals - line) : 0);
        bool is_server = equals && setting_find(server_table, key) && !strstr(line, "an example") &&
                         !setting_find(app_table, key);
        if (is_server) {
            scoped_free char *conf = memory_printf("[server]\n%s\n", line);
            config_close(config_parse("x.ini", str_of(conf), adapters, &errors));
            ck_assert_msg(errors.len == 1, "%s", line); /* there is nothing to serve */
        }
        arena_finish(&arena);
    }
}
END_TEST

static char *read_file(const char *path)
{
    char *found = calloc(1, 262144);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_lt(fread(found, 1, 262144, file), 262144);
    fclose(file);
    return found;
}

START_TEST(the_files_are_up_to_date)
{
    scoped_free char *text = ini(), *found = read_file("conf/full.ini");
    scoped_free char *tables = markdown(), *page = read_file("docs/configuration.md");
    ck_assert_msg(strcmp(found, text) == 0, "run `make keys`");
    ck_assert_msg(strstr(page, tables) != NULL, "run `make keys`");
}
END_TEST

UNIT_MAIN(every_key_stands_in_each, no_line_of_mdoc_is_taken_for_a_request, the_defaults_are_right,
          the_files_are_up_to_date)
