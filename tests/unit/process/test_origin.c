/* test_origin.c - which places are looked at, in which order. */
#include <string.h>

#include "base/buffer.h"
#include "base/elf_file.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/origin.h"
#include "unit.h"

static struct buffer seen;
static const char *there; /* the place that has the library */

static bool note(void *data, const char *path)
{
    (void)data;
    buffer_printf(&seen, "%s%s", seen.len ? " " : "", path);
    return there && strcmp(path, there) == 0;
}

static const struct {
    const char *runpath, *rpath, *loader_rpath, *needed, *there, *expected;
} cases[] = {
    {"$ORIGIN", "", "", "a.so", NULL, "/x/a.so"},
    {"${ORIGIN}/lib", "", "", "a.so", NULL, "/x/lib/a.so"},
    {"$ORIGIN/../lib:$ORIGIN", "", "", "a.so", NULL, "/x/../lib/a.so /x/a.so"},
    {"$ORIGIN/../lib:$ORIGIN", "", "", "a.so", "/x/../lib/a.so", "/x/../lib/a.so"},
    /* nothing of $ORIGIN, or another token */
    {"/usr/lib", "", "", "a.so", NULL, ""},
    {"$LIB:$ORIGIN/$LIB:$ORIGINAL:::$ORIGIN", "", "", "a.so", NULL, "/x/a.so"},
    {"", "", "", "a.so", NULL, ""},
    /* a place before it has the library: the system's folder of devices has null */
    {"/dev:$ORIGIN", "", "", "null", NULL, ""},
    /* the older path: of the file and of what loads it, unless there is a newer one */
    {"", "$ORIGIN", "$ORIGIN/plugins", "a.so", NULL, "/x/a.so /y/plugins/a.so"},
    {"$ORIGIN/new", "$ORIGIN", "$ORIGIN", "a.so", NULL, "/x/new/a.so"},
    /* names with a slash are paths */
    {"$ORIGIN", "", "", "sub/a.so", NULL, ""},
    {"", "", "", "$ORIGIN/sub/a.so", NULL, "/x/sub/a.so"},
    {"$ORIGIN", "", "", "", NULL, ""},
};

START_TEST(looks_as_the_loader_does)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gale_str needed = str_of(cases[i].needed);
        const struct elf_facts loader = {.rpath = str_of(cases[i].loader_rpath)};
        const struct elf_facts facts = {.runpath = str_of(cases[i].runpath),
                                        .rpath = str_of(cases[i].rpath),
                                        .needed = &needed,
                                        .needed_count = 1};
        const struct origin above = {&loader, "/y", NULL}, origin = {&facts, "/x", &above};
        there = cases[i].there;
        origin_each(&origin, note, NULL);
        ck_assert_msg(str_equals(buffer_str(&seen), str_of(cases[i].expected)), "%zu: %s", i,
                      seen.at);
        buffer_finish(&seen);
    }
}
END_TEST

UNIT_MAIN(looks_as_the_loader_does)
