/* accept.c - elements with weights; the most specific one decides. */
#include "http/accept.h"

#include <errno.h>

#include "base/str.h"
#include "http/field.h"
#include "http/http_token.h"

enum { WEIGHT_MAX = 1000 };

/* qvalue = "0" ["." 0*3DIGIT] / "1" ["." 0*3"0"] (RFC 9110 12.4.2) */
static int read_weight(struct gale_str text, int *out_weight)
{
    if (!text.len || text.len > 5 || text.at[0] < '0' || text.at[0] > '1' ||
        (text.len > 1 && text.at[1] != '.'))
        return -EINVAL;
    int weight = (text.at[0] - '0') * WEIGHT_MAX;
    for (size_t i = 2, unit = 100; i < text.len; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -EINVAL;
        weight += (text.at[i] - '0') * (int)unit;
    }
    if (weight > WEIGHT_MAX)
        return -EINVAL;
    *out_weight = weight;
    return 0;
}

/* Takes the next well-formed element: its name and weight. Returns 0 when none is left. */
static int next_element(struct gale_str *rest, struct gale_str *out_name, int *out_weight)
{
    while (rest->at) {
        struct gale_str params = field_cut(rest, ',');
        struct gale_str name = field_cut(&params, ';');
        struct field_param param;
        int weight = WEIGHT_MAX, r;
        while ((r = field_next_param(&params, &param)) > 0)
            if (str_equals_nocase(param.name, STR("q")) && read_weight(param.value, &weight) < 0)
                break;
        if (r != 0 || !name.len)
            continue;
        *out_name = name;
        *out_weight = weight;
        return 1;
    }
    return 0;
}

/* How closely an element names an offer: 0 not at all, more is closer. */
typedef int specificity_fn(struct gale_str element, struct gale_str offer);

/* What the closest element says about an offer; close is 0 when none names it. */
struct opinion {
    int weight, close;
};

static struct opinion ask(struct gale_str field, struct gale_str offer, specificity_fn *specificity)
{
    struct opinion best = {0, 0};
    struct gale_str rest = field, name;
    int weight;
    while (next_element(&rest, &name, &weight)) {
        int close = specificity(name, offer);
        if (close > best.close || (close && close == best.close && weight > best.weight))
            best = (struct opinion){weight, close};
    }
    return best;
}

/* RFC 9110 8.4.1.3: x-gzip is to be taken for gzip. */
static struct gale_str without_x(struct gale_str coding)
{
    return str_equals_nocase(coding, STR("x-gzip")) ? STR("gzip") : coding;
}

static int coding_specificity(struct gale_str element, struct gale_str offer)
{
    if (str_equals_nocase(without_x(element), without_x(offer)))
        return 2;
    return str_equals(element, STR("*"));
}

static int type_specificity(struct gale_str element, struct gale_str offer)
{
    struct gale_str subtype = element, type = str_cut(&subtype, '/');
    struct gale_str rest = offer, offered = str_cut(&rest, '/');
    if (str_equals_nocase(element, offer))
        return 3;
    if (!subtype.at || !str_equals(subtype, STR("*")))
        return 0;
    return str_equals_nocase(type, offered) ? 2 : str_equals(type, STR("*"));
}

int accept_coding(struct gale_str accept_encoding, struct gale_str coding)
{
    struct opinion opinion = ask(accept_encoding, coding, coding_specificity);
    if (!opinion.close)
        return str_equals_nocase(coding, STR("identity")) ? WEIGHT_MAX : 0;
    return opinion.weight;
}

int accept_type(struct gale_str accept, const char *const *types, size_t count)
{
    struct opinion best = {0, 0};
    int choice = -ENOENT;
    if (!str_trim(accept).len)
        return count ? 0 : -ENOENT;
    for (size_t i = 0; i < count; i++) {
        struct opinion opinion = ask(accept, str_of(types[i]), type_specificity);
        if (opinion.weight > best.weight ||
            (opinion.weight && opinion.weight == best.weight && opinion.close > best.close)) {
            best = opinion;
            choice = (int)i;
        }
    }
    return choice;
}
