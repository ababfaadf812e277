/* The files of a new plugin: which there are, and no word left in them to replace. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/project_template.h"

static void check_all(const struct project *project, const char *const *names, size_t count)
{
    char *name, *text;
    size_t i;
    for (i = 0; project_template_file(project, i, &name, &text); i++) {
        ck_assert_str_eq(name, names[i]);
        ck_assert_uint_gt(strlen(text), 10);
        for (const char *at = text; (at = strchr(at, '@')); at++)
            ck_assert_msg(at[1] < 'A' || at[1] > 'Z', "%s: %.20s", name, at);
        bool is_local = strcmp(name, "local.mk") == 0;
        ck_assert((strstr(text, "/x/gale") != NULL) == is_local); /* nowhere else */
        ck_assert((strstr(text, "-I/x/include") != NULL) == is_local);
        free(name);
        free(text);
    }
    ck_assert_uint_eq(i, count);
}

START_TEST(words_are_replaced)
{
    static const char *const c[] = {"shop.c",    "shop_test.c", "Makefile",
                                    "README.md", ".gitignore",  "local.mk"};
    static const char *const cc[] = {"shop.cc",   "shop_test.cc", "Makefile",
                                     "README.md", ".gitignore",   "local.mk"};
    struct project project = {.name = "shop", .gale = "/x/gale", .cflags = "-I/x/include"};
    check_all(&project, c, 6);
    project.is_cxx = true;
    check_all(&project, cc, 6);
    project.gale = project.cflags = NULL;
    check_all(&project, cc, 5);
}
END_TEST

UNIT_MAIN(words_are_replaced)
