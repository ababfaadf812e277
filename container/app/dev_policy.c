/* dev_policy.c - CSP Level 3, as far as one script and its connection are concerned.
 *
 *   default-src 'none'; script-src 'self' 'nonce-r4nd0m'; connect-src 'self' */
#include "app/dev_policy.h"

#include <string.h>

#include "base/macros.h"
#include "base/str.h"

static struct gale_str next_word(struct gale_str *rest)
{
    *rest = str_trim(*rest);
    struct gale_str word = str_cut(rest, ' ');
    return word;
}

/* The source list of the first of these directives that the policy has; at NULL: none. */
static struct gale_str find(struct gale_str policy, const struct gale_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct gale_str rest = policy;
        while (rest.at) {
            struct gale_str directive = str_trim(str_cut(&rest, ';'));
            struct gale_str list = directive, name = next_word(&list);
            if (str_equals_nocase(name, names[i]))
                return list.at ? list : STR("");
        }
    }
    return (struct gale_str){0};
}

static bool has(struct gale_str list, struct gale_str wanted)
{
    while (list.at)
        if (str_equals_nocase(next_word(&list), wanted))
            return true;
    return false;
}

static struct gale_str find_nonce(struct gale_str list)
{
    static const struct gale_str prefix = STR("'nonce-");
    while (list.at) {
        struct gale_str word = next_word(&list);
        if (word.len > prefix.len + 1 && word.at[word.len - 1] == '\'' &&
            str_equals_nocase((struct gale_str){word.at, prefix.len}, prefix))
            return (struct gale_str){word.at + prefix.len, word.len - prefix.len - 1};
    }
    return STR("");
}

static bool has_origin(struct gale_str list)
{
    return has(list, STR("'self'")) || has(list, STR("*")) || has(list, STR("http:"));
}

static bool allows_script(struct gale_str policy, struct gale_str *out_nonce)
{
    static const struct gale_str names[] = {STR("script-src-elem"), STR("script-src"),
                                            STR("default-src")};
    struct gale_str list = find(policy, names, ARRAY_LEN(names));
    if (!list.at)
        return true;
    struct gale_str nonce = find_nonce(list);
    if (nonce.len)
        *out_nonce = nonce;
    return nonce.len || (has_origin(list) && !has(list, STR("'strict-dynamic'")));
}

static bool allows_connection(struct gale_str policy)
{
    static const struct gale_str names[] = {STR("connect-src"), STR("default-src")};
    struct gale_str list = find(policy, names, ARRAY_LEN(names));
    return !list.at || has_origin(list);
}

static bool allows_in_sandbox(struct gale_str policy)
{
    static const struct gale_str name = STR("sandbox");
    struct gale_str list = find(policy, &name, 1);
    return !list.at || (has(list, STR("allow-scripts")) && has(list, STR("allow-same-origin")));
}

bool dev_policy_allows(struct gale_str policies, struct gale_str *out_nonce)
{
    *out_nonce = STR("");
    while (policies.at) {
        struct gale_str policy = str_cut(&policies, ',');
        if (!allows_script(policy, out_nonce) || !allows_connection(policy) ||
            !allows_in_sandbox(policy))
            return false;
    }
    return true;
}
