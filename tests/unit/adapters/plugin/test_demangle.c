/* test_demangle.c - C++ names, and what only looks like one. */
#include "adapters/plugin/demangle.h"

#include <stdlib.h>
#include "base/macros.h"
#include "unit.h"

static const struct {
    char *(*demangle)(const char *);
    const char *name, *plain;
} cases[] = {
    {demangle_function, "_ZN4shop5serveEi", "shop::serve(int)"},
    {demangle_function, "i", "i"},
    {demangle_function, "serve", "serve"},
    {demangle_function, "_Znonsense", "_Znonsense"},
    {demangle_function, "", ""},
    {demangle_type, "St13runtime_error", "std::runtime_error"},
    {demangle_type, "i", "int"},
    {demangle_type, "", ""},
};

START_TEST(names_are_readable)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *plain = cases[i].demangle(cases[i].name);
        ck_assert_str_eq(plain, cases[i].plain);
        free(plain);
    }
}
END_TEST

UNIT_MAIN(names_are_readable)
