/* Which Content-Security-Policy lets a script of the page's own origin in (dev_policy.c). */
#include "unit.h"

#include "app/dev_policy.h"
#include "base/macros.h"
#include "base/str.h"

static const struct {
    const char *policy;
    bool is_allowed;
    const char *nonce;
} rows[] = {
    {"", true, ""},
    {"img-src 'none'", true, ""},
    {"default-src 'self'", true, ""},
    {"default-src 'none'", false, ""},
    {"default-src *", true, ""},
    {"DEFAULT-SRC 'SELF'", true, ""},
    {"default-src 'none'; script-src 'self'", false, ""}, /* it could not connect */
    {"default-src 'none'; script-src 'self'; connect-src 'self'", true, ""},
    {"default-src 'self'; script-src 'none'", false, ""},
    {"script-src 'unsafe-inline'", false, ""},
    {"script-src 'nonce-abc='; connect-src 'self'", true, "abc="},
    {"script-src 'nonce-'", false, ""},
    {"script-src 'self' 'strict-dynamic'", false, ""},
    {"script-src 'strict-dynamic' 'nonce-x'", true, "x"},
    {"script-src 'none'; script-src-elem 'self'", true, ""},
    {"script-src https://cdn.example", false, ""},
    {"connect-src https://api.example", false, ""},
    {"connect-src", false, ""},
    {" ; ;script-src   'self' ;", true, ""},
    {"sandbox", false, ""},
    {"sandbox allow-scripts allow-same-origin", true, ""},
    {"sandbox allow-scripts", false, ""},
    {"default-src 'self', default-src 'none'", false, ""},
    {"script-src 'nonce-a', default-src 'self'", true, "a"},
};

START_TEST(judges)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str nonce;
        bool is_allowed = dev_policy_allows(str_of(rows[i].policy), &nonce);
        ck_assert_msg(is_allowed == rows[i].is_allowed, "%s", rows[i].policy);
        if (is_allowed)
            ck_assert_msg(str_equals(nonce, str_of(rows[i].nonce)), "%s", rows[i].policy);
    }
}
END_TEST

START_TEST(none_allows_all)
{
    struct gale_str nonce;
    ck_assert(dev_policy_allows((struct gale_str){0}, &nonce));
    ck_assert_uint_eq(nonce.len, 0);
}
END_TEST

UNIT_MAIN(judges, none_allows_all)
