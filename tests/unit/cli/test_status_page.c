/* From the JSON of the control socket to a page. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "captured.h"
#include "cli/status_page.h"

static const char full[] =
    "{\"gale\":\"1.2.3\",\"pid\":71,\"state\":\"serving\",\"config\":\"conf/gale.ini\","
    "\"control\":\"/run/gale/x.sock\",\"uptime_ms\":7500000,\"user\":\"www-data\","
    "\"generation\":2,\"listen\":[{\"address\":\"*:80\",\"bound\":\"0.0.0.0:80\"},"
    "{\"address\":\"unix:/run/a\",\"bound\":\"unix:/run/"
    "a\"}],\"limited\":{\"connections\":1,\"requests\":12},\"apps\":["
    "{\"name\":\"shop\",\"mount\":\"/shop\",\"adapter\":\"plugin\",\"title\":\"basket\","
    "\"version\":\"2.1\"},"
    "{\"name\":\"a-name-that-is-longer-than-others\",\"mount\":\"/\",\"adapter\":\"plugin\","
    "\"title\":\"ein sehr l\u00e4ngliches und umst\u00e4ndlich beschriebenes "
    "Ding\",\"version\":null},"
    "{\"name\":\"tools\",\"mount\":\"/tools\",\"adapter\":\"cgi\",\"title\":null,"
    "\"version\":null}],\"generations\":["
    "{\"number\":1,\"state\":\"ending\",\"workers\":[{\"place\":0,\"pid\":72,\"state\":\"ending\","
    "\"restarts\":0,\"age_ms\":7200000,\"app\":\"shop\",\"request\":\"GET /x HTTP/1.1\"}]},"
    "{\"number\":2,\"state\":\"serving\",\"workers\":["
    "{\"place\":0,\"pid\":80,\"state\":\"serving\",\"restarts\":0,\"age_ms\":65000,"
    "\"heartbeat_ms\":12},"
    "{\"place\":1,\"pid\":81,\"state\":\"serving\",\"restarts\":3,\"age_ms\":900,"
    "\"heartbeat_ms\":7000}]}],"
    "\"servers\":[{\"app\":\"shop\",\"place\":0,\"state\":\"running\",\"restarts\":0,"
    "\"pid\":90,\"age_ms\":61000},{\"app\":\"shop\",\"place\":1,\"state\":\"waiting\","
    "\"restarts\":12}],"
    "\"reload\":{\"running\":false,\"last_failure\":\"a.ini:1: no\\na.ini:2: no\","
    "\"last_failure_age_ms\":190000000},"
    "\"rollback\":{\"previous\":5,\"from\":6,\"to\":5,\"age_ms\":4000,\"why\":\"3 crashes\"},"
    "\"crashes\":[{\"app\":\"shop\",\"what\":\"SIGSEGV\",\"count\":3,\"age_ms\":5000,"
    "\"at\":\"shop.c:12\",\"request\":\"GET /a/rather/long/path/with/a?query=string+of+its+own\"},"
    "{\"app\":\"\",\"what\":\"SIGKILL\",\"count\":1,\"age_ms\":65000,\"at\":\"\","
    "\"request\":\"\"}]}";

static const char page[] =
    "gale 1.2.3 with conf/gale.ini\n"
    "\n"
    "  state    serving\n"
    "  up       2 h 5 min\n"
    "  pid      71\n"
    "  user     www-data\n"
    "  listens  *:80 (0.0.0.0:80)\n"
    "           unix:/run/a\n"
    "  refused  1 connection, 12 requests\n"
    "  control  /run/gale/x.sock\n"
    "\n"
    "  app                   mount   adapter  serves with\n"
    "  shop                  /shop   plugin   basket 2.1\n"
    "  a-name-that-is-lo...  /       plugin   ein sehr l\u00e4ngliches und umst\u00e4ndlich ...\n"
    "  tools                 /tools  cgi\n"
    "\n"
    "  generation  worker  pid  state           up         restarts  busy with\n"
    "  1 ending    0       72   ending          2 h 0 min  0         shop: GET /x HTTP/1.1\n"
    "  2 serving   0       80   serving         1 min 5 s  0\n"
    "              1       81   silent for 7 s  0 s        3\n"
    "\n"
    "  server of  pid  state    up         restarts\n"
    "  shop       90   running  1 min 1 s  0\n"
    "  shop       -    waiting  -          12\n"
    "\n"
    "The last reload was refused 2 d 4 h ago:\n"
    "  a.ini:1: no\n"
    "  a.ini:2: no\n"
    "\n"
    "Generation 6 was rolled back to what generation 5 was, 4 s ago: 3 crashes\n"
    "\n"
    "  crashed  by       times  last           at         request\n"
    "  shop     SIGSEGV  3      5 s ago        shop.c:12  GET /a/rather/long/path/w...\n"
    "  -        SIGKILL  1      1 min 5 s ago\n";

START_TEST(prints_a_page)
{
    struct captured captured;
    ck_assert_int_eq(status_page_print(full, capture(&captured)), 0);
    scoped_free char *text = captured_text(&captured);
    ck_assert_str_eq(text, page);
}
END_TEST

START_TEST(prints_what_there_is)
{
    struct captured captured;
    ck_assert_int_eq(status_page_print("{\"gale\":\"1\",\"reload\":{\"last_failure\":null}}",
                                       capture(&captured)),
                     0);
    scoped_free char *text = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(text, "gale 1 with"));
    ck_assert_ptr_null(strstr(text, "refused"));
}
END_TEST

START_TEST(refuses_what_is_no_status)
{
    static const char *const texts[] = {"", "hello", "[]", "{}", "{\"gale\":1}", "{\"gale\":\"1\""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct captured captured;
        ck_assert_int_eq(status_page_print(texts[i], capture(&captured)), -EPROTO);
        scoped_free char *text = captured_text(&captured);
        ck_assert_str_eq(text, "");
    }
}
END_TEST

UNIT_MAIN(prints_a_page, prints_what_there_is, refuses_what_is_no_status)
