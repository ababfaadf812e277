/* request_variables.c - what somebody other than the client has said of a request. */
#include "http/request.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

void request_add_variables(struct gale_request *req, struct arena *arena,
                           const struct http_header *variables, size_t count)
{
    size_t had = req->variable_count;
    struct http_header *all = arena_alloc(arena, (had + count + 1) * sizeof(*all));
    if (had)
        memcpy(all, req->variables, had * sizeof(*all));
    if (count)
        memcpy(all + had, variables, count * sizeof(*all));
    req->variables = all;
    req->variable_count = had + count;
}

struct gale_str request_variable(const struct gale_request *req, struct gale_str name)
{
    for (size_t i = req->variable_count; i-- > 0;)
        if (str_equals(req->variables[i].name, name))
            return req->variables[i].value;
    return (struct gale_str){0};
}

const char *gale_request_variable(const struct gale_request *req, const char *name,
                                  const char *fallback)
{
    struct gale_str value = request_variable(req, str_of(name));
    return value.at ? value.at : fallback;
}

int gale_request_variable_at(const struct gale_request *req, size_t index,
                             struct gale_str *out_name, struct gale_str *out_value)
{
    if (index >= req->variable_count)
        return -ENOENT;
    *out_name = req->variables[index].name;
    *out_value = req->variables[index].value;
    return 0;
}
