/* What has to be there before anything can start, and where it is told that it is not. */
#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/surroundings.h"

static const struct {
    const char *keys; /* of [server], from line 2 on */
    unsigned flags, line;
    const char *said; /* begins so; NULL: nothing */
} rows[] = {
    {"", 0, 0, NULL},
    {"access_log = off\nerror_log = -", 0, 0, NULL},
    {"access_log = a.log\nerror_log = /tmp/e.log\npid_file = p\ncontrol = c", 0, 0, NULL},
    {"access_log = none/a.log", 0, 2, "access_log: there is no folder /tmp/none for "},
    {"error_log = /dev/null/x", 0, 2, "error_log: /dev/null is no folder, so "},
    {"error_log = /", 0, 2, "error_log: / is a folder; expected the path of a file"},
    {"workers = 1\npid_file = none/p", 0, 3, "pid_file: there is no folder /tmp/none for "},
    {"control = /dev/null", 0, 2, "control: /dev/null is there already and is no socket"},
    {"listen = unix:/tmp/x unix:@abstract", 0, 0, NULL},
    {"listen = *:0 127.0.0.1:0", 0, 0, NULL},
    {"listen = *:80 [::]:80", 0, 0, NULL},
    {"listen = *:80\nlisten = 127.0.0.1:80", 0, 3, "listen: *:80 and 127.0.0.1:80 exclude"},
    {"listen = *:80 fastcgi://127.0.0.1:80", 0, 2, "listen: *:80 and fastcgi://127.0.0.1:80 excl"},
    {"listen = unix:/none/x", 0, 2, "listen: there is no folder /none for /none/x"},
    {"listen = unix:/none/x", SURROUNDINGS_NO_LISTEN, 0, NULL},
    {"user = nobody-1", 0, 2, "user: there is no user 'nobody-1' on this machine"},
    {"user = nobody-1", SURROUNDINGS_NO_ROOT, 2, "user: there is no user 'nobody-1'"},
    {"\ngroup = nobody-1", 0, 3, "group: there is no group 'nobody-1' on this machine"},
};

START_TEST(what_is_missing_is_told_at_its_line)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const struct adapter *const adapters[] = {NULL};
        struct arena arena;
        arena_init(&arena, NULL, 0);
        struct setting_errors ignored = {.arena = &arena}, errors = {.arena = &arena};
        struct gale_str text = arena_printf(&arena, "[server]\n%s\n", rows[i].keys);
        struct config *config = config_parse("/tmp/x.ini", text, adapters, &ignored);
        surroundings_check(config, rows[i].flags, &errors);
        ck_assert_msg(errors.len == (rows[i].said != NULL), "%s: %zu", rows[i].keys, errors.len);
        if (rows[i].said) {
            const struct setting_error *error = &errors.items[0];
            ck_assert_msg(str_starts_with(str_of(error->text), str_of(rows[i].said)), "%s",
                          error->text);
            ck_assert_str_eq(error->file, "/tmp/x.ini");
            ck_assert_uint_eq(error->line, rows[i].line);
        }
        config_close(config);
        arena_finish(&arena);
    }
}
END_TEST

UNIT_MAIN(what_is_missing_is_told_at_its_line)
