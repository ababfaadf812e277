/* From a file to a descriptor: every way to be no plugin of this gale has its own sentence. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <gale/gale.h>
#include <http_parser.h>
#include "adapters/plugin/plugin_load.h"
#include "app/code.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/version.h"
#include "fixtures.h"

/* The fixtures' functions of gale come out of this program: the linker must keep them. */
extern void *const kept[];
void *const kept[] = {(void *)gale_log, (void *)gale_setting, (void *)gale_app_name,
                      (void *)gale_sleep};

static int load(const char *name, struct gale_plugin *plugin, struct buffer *why)
{
    void *handle;
    const char *path = fixture(name);
    const struct code code = {.original = path, .path = path, .root = ""};
    return plugin_load(&code, plugin, &handle, why);
}

START_TEST(loads_plugins_of_this_and_other_versions)
{
    static const struct {
        const char *file;
        int verdict;
    } rows[] = {{"smallest.so", 418}, {"older.so", 451}, {"larger.so", 451}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_plugin plugin;
        struct buffer why = {0};
        ck_assert_msg(load(rows[i].file, &plugin, &why) == 0, "%s", why.at);
        ck_assert_int_eq(plugin.serve(NULL, NULL, NULL), rows[i].verdict);
        ck_assert_ptr_null((void *)plugin.drain); /* what it does not have is zero */
        ck_assert_ptr_null((void *)plugin.close);
    }
}
END_TEST

START_TEST(refuses_with_a_sentence)
{
    static const struct {
        const char *file;
        int error;
        const char *says;
    } rows[] = {
        {"not_a_plugin.so", -EPROTO,
         "is a shared object but no plugin of gale: it has no gale_plugin_v1; define one with "
         "GALE_PLUGIN"},
        {"nothing.so", -EPROTO,
         "has a gale_plugin_v1 that returns nothing; define it with GALE_PLUGIN"},
        {"wrong_abi.so", -EPROTO,
         "was built for version 2 of the plugin interface and this gale has version 1; rebuild it "
         "with this gale's headers"},
        {"wrong_tail.so", -EPROTO,
         "uses a part of the plugin interface that gale " GALE_VERSION
         " does not know; update gale, or "
         "rebuild it with this gale's headers"},
        {"wrong_flag.so", -EPROTO,
         "sets flags (0x10000000000) that gale " GALE_VERSION
         " does not know; update gale, or rebuild it "
         "with this gale's headers"},
        {"no_serve.so", -EPROTO, "has no serve; set p->serve in GALE_PLUGIN(p)"},
        {"undefined.so", -ELIBACC,
         "needs the symbol ioloop_current, which neither gale nor the plugin's libraries have; "
         "link it with the library that does (-l...)"},
        {"newer.so", -ELIBACC,
         "needs gale_websocket_accept, which gale " GALE_VERSION
         " does not have; it was made for a newer "
         "gale: update gale, or rebuild it with this gale's headers"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_plugin plugin = {.abi = 77};
        struct buffer why = {0};
        char text[PATH_MAX + 512];
        ck_assert_int_eq(load(rows[i].file, &plugin, &why), rows[i].error);
        snprintf(text, sizeof(text), "%s %s", fixture(rows[i].file), rows[i].says);
        ck_assert_str_eq(why.at, text);
        ck_assert_uint_eq(plugin.abi, 77); /* untouched */
        buffer_finish(&why);
    }
}
END_TEST

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    (void)req;
    (void)res;
    return 0;
}

START_TEST(judges_descriptors)
{
    static const struct {
        uint32_t abi, size;
        size_t stack;
        int result;
    } rows[] = {
        {GALE_ABI, sizeof(struct gale_plugin), 0, 0},
        {GALE_ABI, offsetof(struct gale_plugin, drain), 0, 0},
        {GALE_ABI, offsetof(struct gale_plugin, drain) - 1, 0, -EPROTO},
        {GALE_ABI, 0, 0, -EPROTO},
        {GALE_ABI, 4097, 0, -EPROTO},
        {GALE_ABI, UINT32_MAX, 0, -EPROTO},
        {0, sizeof(struct gale_plugin), 0, -EPROTO},
        {GALE_ABI, sizeof(struct gale_plugin), 64 << 20, 0},
        {GALE_ABI, sizeof(struct gale_plugin), (64 << 20) + 1, -EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_plugin out;
        struct buffer why = {0};
        const struct gale_plugin from = {.abi = rows[i].abi,
                                         .size = rows[i].size,
                                         .stack_size = rows[i].stack,
                                         .serve = serve,
                                         .name = "x"};
        ck_assert_msg(plugin_describe("x.so", &from, &out, &why) == rows[i].result, "row %zu: %s",
                      i, why.at ? why.at : "");
        ck_assert((why.len == 0) == (rows[i].result == 0));
        buffer_finish(&why);
    }
}
END_TEST

START_TEST(explains_the_loader)
{
    static const struct {
        const char *message, *says;
    } rows[] = {
        {"/x.so: cannot dynamically load position-independent executable",
         "x.so is a program; build it with cc -shared -fPIC instead"},
        {"libpq.so.5: cannot open shared object file: No such file or directory",
         "x.so needs the library libpq.so.5, which is not found; install it, or link with "
         "-Wl,-rpath,'$ORIGIN' where it stands beside the plugin"},
        {"x.so: undefined symbol: PQconnect, version PG_5",
         "x.so needs the symbol PQconnect, which neither gale nor the plugin's libraries have; "
         "link it with the library that does (-l...)"},
        {"x.so: invalid ELF header", "x.so cannot be loaded: x.so: invalid ELF header"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer why = {0};
        ck_assert_int_lt(plugin_explain("x.so", rows[i].message, &why), 0);
        ck_assert_str_eq(why.at, rows[i].says);
        buffer_finish(&why);
    }
}
END_TEST

/* Two http_parsers in one process, each with its own caller. */
START_TEST(a_plugin_keeps_its_own_http_parser)
{
    struct gale_plugin plugin;
    struct buffer why = {0};
    ck_assert_msg(load("own_parser.so", &plugin, &why) == 0, "%s", why.at);
    ck_assert_uint_ne(http_parser_version(), 451);
    ck_assert_int_eq(plugin.serve(NULL, NULL, NULL), 451);
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "http_parser_version"));
}
END_TEST

UNIT_MAIN(loads_plugins_of_this_and_other_versions, refuses_with_a_sentence, judges_descriptors,
          explains_the_loader, a_plugin_keeps_its_own_http_parser)
