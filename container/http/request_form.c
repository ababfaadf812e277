/* request_form.c - forms as the app asks for them: the first question reads the body. */
#include "http/request.h"

#include <errno.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/form.h"

int gale_request_form_read(struct gale_request *req)
{
    if (!req->form) {
        req->form = arena_zalloc(exchange_of_request(req)->arena, sizeof(*req->form));
        req->form_result = form_read(req, req->form);
    }
    return req->form_result;
}

int gale_request_form_nth(struct gale_request *req, struct gale_str name, size_t nth,
                          struct gale_str *out_value)
{
    int r = gale_request_form_read(req);
    if (r < 0)
        return r;
    for (size_t i = 0; i < req->form->field_count; i++) {
        const struct form_field *field = &req->form->fields[i];
        if (!str_equals(field->name, name) || nth--)
            continue;
        *out_value = field->value;
        return 0;
    }
    return -ENOENT;
}

const char *gale_request_form(struct gale_request *req, const char *name, const char *fallback)
{
    struct gale_str value;
    return gale_request_form_nth(req, str_of(name), 0, &value) == 0 ? value.at : fallback;
}

int gale_request_form_at(struct gale_request *req, size_t index, struct gale_str *out_name,
                         struct gale_str *out_value)
{
    int r = gale_request_form_read(req);
    if (r < 0)
        return r;
    if (index >= req->form->field_count)
        return -ENOENT;
    *out_name = req->form->fields[index].name;
    *out_value = req->form->fields[index].value;
    return 0;
}

int gale_request_file_at(struct gale_request *req, size_t index, struct gale_file *out_file)
{
    int r = gale_request_form_read(req);
    if (r < 0)
        return r;
    if (index >= req->form->file_count)
        return -ENOENT;
    *out_file = req->form->files[index];
    return 0;
}
