/* Finding keys, setting them once, and the sentences that go with what is wrong. */
#include "unit.h"

#include <stdio.h>
#include "base/macros.h"
#include "made_up.h"

static struct arena arena;
static struct made_up values;
static struct setting_errors errors;

static void begin(void)
{
    arena_init(&arena, NULL, 0);
    errors = (struct setting_errors){.arena = &arena};
    memset(&values, 0xA5, sizeof(values)); /* what was there before must not matter */
    setting_init(made_up, &values, &arena, "/base");
}

static int set(const char *key, const char *value)
{
    static unsigned line;
    struct setting_place place = {"x.ini", ++line, "/base"};
    const struct setting *row = setting_find(made_up, key);
    ck_assert_ptr_nonnull(row);
    return setting_set(row, &values, key, value, &place, &errors);
}

static const char *last_error(void)
{
    return errors.len ? errors.items[errors.len - 1].text : "";
}

START_TEST(defaults_come_from_the_table)
{
    begin();
    ck_assert_ptr_null(values.name);
    ck_assert_str_eq(values.logs, "/base/var/log");
    ck_assert_uint_eq(values.buffer, 16384);
    ck_assert_uint_eq(values.any_size, 0);
    ck_assert_int_eq(values.timeout, 30000);
    ck_assert_int_eq(values.workers, -1);
    ck_assert_int_eq(values.level, -2);
    ck_assert_int_eq(values.any_count, 0);
    ck_assert(values.compress);
    ck_assert_int_eq(values.poller, 1);
    ck_assert_uint_eq(values.listen.len, 2);
    ck_assert_str_eq(values.listen.items[1], "unix:/a");
    ck_assert_uint_eq(values.words.len + values.pages.len + values.set.len, 0);
    arena_finish(&arena);
}
END_TEST

START_TEST(rows_are_found_by_key)
{
    ck_assert_str_eq(setting_find(made_up, "name")->key, "name");
    ck_assert_str_eq(setting_find(made_up, "set greeting")->key, "set");
    ck_assert_str_eq(setting_find(made_up, "set")->key, "set");
    ck_assert_ptr_null(setting_find(made_up, "settings x"));
    ck_assert_ptr_null(setting_find(made_up, "name x"));
    ck_assert_ptr_null(setting_find(made_up, "Name"));
    ck_assert_ptr_null(setting_find(made_up, ""));
}
END_TEST

START_TEST(every_refusal_is_a_sentence)
{
    static const struct {
        const char *key, *value, *error;
    } rows[] = {
        {"workers", "ten",
         "workers: 'ten' is not a count; expected a whole number from 1 to 256 or auto"},
        {"buffer", "16KB",
         "buffer: '16KB' is not a size; expected a size such as 512, 16K or 8M, from 1K to 1G"},
        {"buffer", "1023",
         "buffer: '1023' is too small; expected a size such as 512, 16K or 8M, from 1K to 1G"},
        {"buffer", "2G",
         "buffer: '2G' is too large; expected a size such as 512, 16K or 8M, from 1K to 1G"},
        {"timeout", "30",
         "timeout: '30' has no unit; expected a time such as 500ms, 30s, 5m, 1h or 1d, from 1ms "
         "to 1h"},
        {"compress", "maybe", "compress: 'maybe' is neither yes nor no; expected yes or no"},
        {"poller", "kqueue",
         "poller: 'kqueue' is not one of the choices; expected epoll, poll or select"},
        {"logs", "", "logs: the value is missing; expected a path"},
        {"error_page", "404",
         "error_page: '404' is not a name and a value; expected `error_page = NAME VALUE`"},
        {"set", "1", "'set' has not one name in its key; expected `set NAME = VALUE`"},
        {"set a b", "1", "'set a b' has not one name in its key; expected `set NAME = VALUE`"},
        {"level", "-6", "level: '-6' is too small; expected a whole number, from -5 to 5"},
        {"any_count", "\x1B[2J", "any_count: '?[2J' is not a count; expected a whole number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin();
        ck_assert_int_eq(set(rows[i].key, rows[i].value), -EINVAL);
        ck_assert_str_eq(last_error(), rows[i].error);
        ck_assert_uint_eq(errors.len, 1);
        arena_finish(&arena);
    }
}
END_TEST

START_TEST(long_values_are_not_repeated_in_full)
{
    char value[1000];
    memset(value, 'a', sizeof(value));
    memcpy(value + 59, "\xE2\x82\xAC", 3); /* cut in the middle of it */
    value[sizeof(value) - 1] = 0;
    begin();
    set("any_count", value);
    ck_assert_ptr_nonnull(strstr(last_error(), "aaa...' is not a count"));
    ck_assert_uint_lt(strlen(last_error()), 150);
    ck_assert_ptr_null(strchr(last_error(), '\xE2'));
    arena_finish(&arena);
}
END_TEST

START_TEST(a_key_is_set_once)
{
    begin();
    ck_assert_int_eq(set("timeout", "5s"), 0);
    unsigned first = 0;
    ck_assert_int_eq(set("timeout", "6s"), -EINVAL);
    ck_assert_int_eq(sscanf(last_error(), "timeout: given twice; it stands at x.ini:%u", &first),
                     1);
    ck_assert_uint_eq(first + 1, errors.items[0].line);
    ck_assert_int_eq(values.timeout, 5000);

    struct made_up other; /* another section of the same kind */
    struct setting_place place = {"x.ini", 1, "/base"};
    setting_init(made_up, &other, &arena, "/base");
    ck_assert_int_eq(
        setting_set(setting_find(made_up, "timeout"), &other, "timeout", "7s", &place, &errors), 0);
    arena_finish(&arena);
}
END_TEST

START_TEST(the_place_of_a_key_is_known)
{
    const char *file = "none";
    unsigned line = 7;
    begin();
    ck_assert(!setting_errors_place(&errors, &values.timeout, &file, &line));
    ck_assert_str_eq(file, "none");
    ck_assert_uint_eq(line, 7);
    struct setting_place place = {"y.ini", 12, "/base"};
    const struct setting *row = setting_find(made_up, "timeout");
    ck_assert_int_eq(setting_set(row, &values, "timeout", "5s", &place, &errors), 0);
    ck_assert(setting_errors_place(&errors, &values.timeout, &file, &line));
    ck_assert_str_eq(file, "y.ini");
    ck_assert_uint_eq(line, 12);
    arena_finish(&arena);
}
END_TEST

START_TEST(lists_replace_their_default_and_then_grow)
{
    begin();
    set("listen", "a b");
    set("listen", "c");
    ck_assert_uint_eq(values.listen.len, 3);
    ck_assert_str_eq(values.listen.items[0], "a");
    ck_assert_str_eq(values.listen.items[2], "c");
    set("set x", "1");
    set("set  y", "");
    ck_assert_uint_eq(values.set.len, 2);
    ck_assert_str_eq(values.set.items[1].name, "y");
    ck_assert_str_eq(values.set.items[1].value, "");
    ck_assert_uint_eq(values.set.items[1].line, values.set.items[0].line + 1);
    ck_assert_str_eq(values.set.items[1].file, "x.ini");
    ck_assert_uint_eq(errors.len, 0);
    arena_finish(&arena);
}
END_TEST

START_TEST(errors_are_sorted_within_their_file)
{
    static const unsigned lines[] = {3, 1, 2, 1};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        setting_errors_add(&errors, "x.ini", lines[i], "%zu", i);
    setting_errors_sort(&errors);
    const char *const sorted[] = {"1", "3", "2", "0"};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        ck_assert_str_eq(errors.items[i].text, sorted[i]);
    arena_finish(&arena);
}
END_TEST

START_TEST(errors_are_printed_in_their_order)
{
    char *text = NULL;
    size_t len;
    begin();
    setting_errors_add(&errors, "b.ini", 0, "cannot be read: %s", "gone");
    for (unsigned i = 1; i < 20; i++)
        setting_errors_add(&errors, "a.ini", i, "wrong");
    FILE *out = open_memstream(&text, &len);
    setting_errors_print(&errors, out);
    fclose(out);
    ck_assert_ptr_eq(strstr(text, "b.ini: cannot be read: gone\na.ini:1: wrong\na.ini:2: "), text);
    ck_assert_ptr_nonnull(strstr(text, "a.ini:19: wrong\n"));
    free(text);
    arena_finish(&arena);
}
END_TEST

START_TEST(the_nearest_key_is_suggested)
{
    static const struct setting other[] = {{.key = "mount", .help = ""}, {0}};
    const struct setting *const tables[] = {made_up, other, NULL};
    static const struct {
        const char *key, *nearest;
    } rows[] = {
        {"wrokers", "workers"},
        {"worker", "workers"},
        {"Workers", "workers"},
        {"moutn", "mount"},
        {"mont", "mount"},
        {"mnt", NULL},
        {"timeouts_x", NULL},
        {"tiemoot", "timeout"},
        {"sat", "set"},
        {"ste greeting", "set"},
        {"sett x", "set"},
        {"x", NULL},
        {"", NULL},
        {"zz", NULL},
        {"compress!", "compress"},
        {"poller", "poller"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *nearest = setting_nearest(tables, rows[i].key);
        if (rows[i].nearest)
            ck_assert_str_eq(nearest, rows[i].nearest);
        else
            ck_assert_ptr_null(nearest);
    }
    char endless[5000];
    memset(endless, 'w', sizeof(endless));
    endless[sizeof(endless) - 1] = 0;
    ck_assert_ptr_null(setting_nearest(tables, endless));
}
END_TEST

START_TEST(unknown_keys_teach)
{
    static const struct setting small[] = {
        {.key = "mount", .help = ""}, {.key = "plugin", .help = ""}, {0}};
    const struct setting *const tables[] = {small, NULL};
    struct setting_place place = {"x.ini", 7, "/"};
    begin();
    setting_add_unknown(tables, "plugn", &place, &errors);
    ck_assert_str_eq(last_error(), "'plugn' is not a key of this section; did you mean 'plugin'?");
    setting_add_unknown(tables, "colour", &place, &errors);
    ck_assert_str_eq(last_error(),
                     "'colour' is not a key of this section\n    its keys are mount, plugin");
    ck_assert_uint_eq(errors.items[1].line, 7);
    static const struct setting named[] = {{.key = "set", .type = SETTING_NAMED, .help = ""}, {0}};
    const struct setting *const with_own[] = {small, named, NULL};
    setting_add_unknown(with_own, "colour", &place, &errors);
    ck_assert_str_eq(last_error(),
                     "'colour' is not a key of this section; if it is for the app "
                     "itself, write 'set colour = VALUE'\n    its keys are mount, plugin, set");
    setting_add_unknown(with_own, "odour", &place, &errors);
    ck_assert_str_eq(last_error(), "'odour' is not a key of this section; if it is for the app "
                                   "itself, write 'set odour = VALUE'");
    static const struct setting wide[] = {{.key = "first_of_twenty_characters", .help = ""},
                                          {.key = "exactly_up_to_the_end_of_the_line", .help = ""},
                                          {.key = "second", .help = ""},
                                          {0}};
    const struct setting *const wides[] = {wide, named, NULL};
    setting_add_unknown(wides, "colour", &place, &errors);
    ck_assert_ptr_nonnull(strstr(last_error(),
                                 "    its keys are first_of_twenty_characters, "
                                 "exactly_up_to_the_end_of_the_line,\n    second, set"));
    arena_finish(&arena);
}
END_TEST

START_TEST(errors_are_a_text)
{
    struct arena own;
    arena_init(&own, NULL, 0);
    struct setting_errors none = {.arena = &own}, two = {.arena = &own};
    setting_errors_add(&two, "a.ini", 3, "wrong");
    setting_errors_add(&two, "a.ini", 5, "wrong again");
    char *nothing = setting_errors_text(&none), *text = setting_errors_text(&two);
    ck_assert_str_eq(nothing, "");
    ck_assert_str_eq(text, "a.ini:3: wrong\na.ini:5: wrong again");
    free(nothing);
    free(text);
    arena_finish(&own);
}
END_TEST

UNIT_MAIN(defaults_come_from_the_table, rows_are_found_by_key, every_refusal_is_a_sentence,
          long_values_are_not_repeated_in_full, a_key_is_set_once, the_place_of_a_key_is_known,
          lists_replace_their_default_and_then_grow, errors_are_sorted_within_their_file,
          errors_are_printed_in_their_order, errors_are_a_text, the_nearest_key_is_suggested,
          unknown_keys_teach)
