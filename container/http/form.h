/* form.h - the fields and files of a submitted form, read on demand.
 *
 * Fields are views of the request's arena. Files are there, too, up to the exchange's form_memory
 * each; larger ones are written to temporary files while they arrive, so a form never takes more
 * memory than its fields and small files. */
#pragma once
#include <stddef.h>
#include <gale/request.h>
#include "base/macros.h"

struct form_field {
    struct gale_str name, value; /* each ends in zero */
};

struct form {
    struct form_field *fields; /* in the order of the body, on the arena */
    size_t field_count;
    struct gale_file *files; /* likewise; their descriptors are owned */
    size_t file_count;
};

/* Reads the request's body as what its Content-Type says. Returns 0; -ENOENT when that is no form;
 * -EALREADY when the app has read some of it; -EBADMSG for a malformed one and -EMSGSIZE for one
 * with too many fields or files, both kept as the request's body_error, so that the client is told;
 * or the error of reading or of the temporary file. Files read so far are in the form even then. */
SUSPENDS int form_read(struct gale_request *req, struct form *form);
/* Closes the form's temporary files; its memory is the request's arena. Takes NULL. */
void form_finish(struct form *form);
