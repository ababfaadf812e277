/* tests_load.c - dlopen and the version rules, as plugin_load.c has them for plugins. */
#include "adapters/plugin/tests_load.h"

#include <dlfcn.h>
#include <string.h>

#include "adapters/plugin/plugin_load.h"
#include "base/buffer.h"

static const struct gale_tests *check(const char *path, const struct gale_tests *tests,
                                      struct buffer *why)
{
    if (!tests || !tests->cases || tests->size < sizeof(*tests) || !tests->case_size)
        buffer_printf(why, "%s describes no tests; define them with GALE_TESTS", path);
    else if (tests->abi != GALE_TESTING_ABI)
        buffer_printf(why,
                      "%s was built for version %u of gale/testing.h and this gale has version %u; "
                      "rebuild it with this gale's headers",
                      path, tests->abi, (unsigned)GALE_TESTING_ABI);
    else if (tests->flags)
        buffer_printf(why, "%s sets flags (0x%x) that this gale does not know; update gale", path,
                      tests->flags);
    else
        return tests;
    return NULL;
}

const struct gale_tests *tests_load(const char *path, struct buffer *why)
{
    gale_tests_fn *entry;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        (void)plugin_explain(path, dlerror(), why);
        return NULL;
    }
    *(void **)&entry = dlsym(handle, "gale_tests_v1");
    if (entry)
        return check(path, entry(), why);
    buffer_printf(why,
                  dlsym(handle, "gale_plugin_v1")
                      ? "%s is a plugin, not its tests; name both: gale test PLUGIN.so TESTS.so"
                      : "%s has no gale_tests_v1; define the tests with GALE_TESTS",
                  path);
    return NULL;
}

int tests_case(const struct gale_tests *tests, size_t index, struct gale_test_case *out_case)
{
    struct gale_test_case row = {0};
    size_t size = tests->case_size < sizeof(row) ? tests->case_size : sizeof(row);
    memcpy(&row, (const char *)tests->cases + index * tests->case_size, size);
    if (!row.name || !row.run)
        return 0;
    *out_case = row;
    return 1;
}
