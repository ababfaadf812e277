/* Any bytes are what a client would rather have: weights are in range, the choice is one of the
 * offers, and what is refused is never chosen.
 *
 * The field, and behind its first line end a coding. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/str.h"
#include "http/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_coding(struct gale_str field, struct gale_str coding)
{
    int weight = accept_coding(field, coding);
    assert(weight >= 0 && weight <= 1000);
    if (!field.len)
        assert(!weight || str_equals_nocase(coding, STR("identity")));
}

static void check_type(struct gale_str field)
{
    static const char *const one[] = {"text/html"}, *const two[] = {"text/html",
                                                                    "application/json"};
    int choice = accept_type(field, two, 2), first = accept_type(field, one, 1),
        second = accept_type(field, two + 1, 1);
    assert(first == 0 || first == -ENOENT);
    assert(second == 0 || second == -ENOENT);
    assert(choice == 0 || choice == 1 || choice == -ENOENT);
    assert((choice == -ENOENT) == (first < 0 && second < 0));
    assert(choice != 0 || first == 0);
    assert(choice != 1 || second == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str rest = {(const char *)data, size};
    struct gale_str field = str_cut(&rest, '\n');
    check_coding(field, STR("gzip"));
    check_coding(field, STR("identity"));
    if (rest.at)
        check_coding(field, rest);
    check_type(field);
    return 0;
}
