/* test_listen_option.c - what is an address, and what is said of what is none. */
#include "unit.h"

#include <string.h>

#include "base/macros.h"
#include "captured.h"
#include "cli/command.h"
#include "cli/listen_option.h"

static const struct {
    const char *text, *says; /* NULL: nothing, it is one */
} rows[] = {
    {"127.0.0.1:80", NULL},
    {"*:80", NULL},
    {"[::1]:80", NULL},
    {"unix:/x", NULL},
    {"nobody.invalid:80", NULL},
    {"80", "gale dev: --listen 80: that is no address; write *:80 or 127.0.0.1:80\n"},
    {"99999", "--listen 99999: that is no address; expected ADDRESS:PORT"},
    {"*:x", "--listen *:x: that is no address; expected ADDRESS:PORT"},
};

START_TEST(addresses)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const listen[] = {"127.0.0.1:1", rows[i].text, NULL};
        struct taken taken = take(stderr);
        int r = listen_option_check("dev", listen);
        char *said = give_back(&taken);
        ck_assert_int_eq(r, rows[i].says ? COMMAND_WRONG : COMMAND_OK);
        ck_assert(rows[i].says ? strstr(said, rows[i].says) != NULL : !*said);
        free(said);
    }
}
END_TEST

UNIT_MAIN(addresses)
