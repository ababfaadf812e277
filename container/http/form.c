/* form.c - a body into fields and files, by the media type it says it has. */
#include "http/form.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/field.h"
#include "http/multipart.h"
#include "http/query.h"
#include "http/upload.h"

enum {
    FIELDS_MAX = 1000,
    PART_HEAD_MAX = 8 * 1024,
    SPILLED_MAX = 64, /* temporary files of one form: descriptors are scarcer than memory */
    READ_BLOCK = 8 * 1024,
};

/* Room for one more item: a larger copy at each power of two. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *larger = arena_alloc(arena, (count ? 2 * count : 1) * size);
    if (count)
        memcpy(larger, items, count * size);
    return larger;
}

/* ---- application/x-www-form-urlencoded ---- */

static int read_urlencoded(struct gale_request *req, struct arena *arena, struct form *form)
{
    struct gale_str body;
    struct query query = {0};
    int r = gale_request_body(req, &body);
    if (r == 0)
        r = query_parse(body, FIELDS_MAX, arena, &query);
    if (r < 0)
        return r;
    form->fields = arena_alloc(arena, (query.count + 1) * sizeof(*form->fields));
    for (size_t i = 0; i < query.count; i++)
        form->fields[i] = (struct form_field){query.pairs[i].name, query.pairs[i].value};
    form->field_count = query.count;
    return 0;
}

/* ---- multipart/form-data ---- */

/* The form while its body is read, a part at a time. */
struct reading {
    struct form *form;
    struct arena *arena;
    uint64_t form_memory;
    size_t spilled;
    struct multipart_part part;
    struct upload upload;
};

static int begin_part(void *context, const struct multipart_part *part)
{
    struct reading *reading = context;
    reading->part = *part;
    upload_begin(&reading->upload, part->is_file ? reading->form_memory : UINT64_MAX);
    return 0;
}

static int add_data(void *context, const char *at, size_t len)
{
    struct reading *reading = context;
    bool was_held = reading->upload.fd < 0;
    int r = upload_add(&reading->upload, at, len);
    reading->spilled += was_held && reading->upload.fd >= 0;
    return r < 0 ? r : reading->spilled > SPILLED_MAX ? -EMSGSIZE : 0;
}

static void add_field(struct reading *reading, struct gale_str value)
{
    struct form *form = reading->form;
    form->fields = grow(reading->arena, form->fields, form->field_count, sizeof(*form->fields));
    form->fields[form->field_count++] = (struct form_field){reading->part.name, value};
}

static void add_file(struct reading *reading, struct gale_file *file)
{
    struct form *form = reading->form;
    file->field = reading->part.name;
    file->filename = reading->part.filename;
    file->type = reading->part.content_type;
    form->files = grow(reading->arena, form->files, form->file_count, sizeof(*form->files));
    form->files[form->file_count++] = *file;
}

static int end_part(void *context)
{
    struct reading *reading = context;
    struct gale_file file;
    int r = upload_end(&reading->upload, reading->arena, &file);
    if (r < 0)
        return r;
    bool is_chosen = file.size || reading->part.filename.len;
    if (!reading->part.is_file)
        add_field(reading, file.data);
    else if (is_chosen) /* browsers send an empty part for a file input left alone */
        add_file(reading, &file);
    return 0;
}

SUSPENDS static int feed_body(struct gale_request *req, struct multipart *multipart)
{
    char block[READ_BLOCK];
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0) {
        int r = multipart_feed(multipart, block, (size_t)n);
        if (r < 0)
            return r;
    }
    return n < 0 ? (int)n : multipart_finish(multipart);
}

SUSPENDS static int read_multipart(struct gale_request *req, struct arena *arena,
                                   struct gale_str boundary, struct form *form)
{
    static const struct multipart_sink sink = {begin_part, add_data, end_part};
    static const struct multipart_limits limits = {FIELDS_MAX, PART_HEAD_MAX};
    struct reading reading = {.form = form,
                              .arena = arena,
                              .form_memory = exchange_of_request(req)->form_memory,
                              .upload = {.fd = -1}};
    struct multipart multipart;
    multipart_init(&multipart, boundary, &limits, arena);
    multipart_set_sink(&multipart, &sink, &reading);
    int r = feed_body(req, &multipart);
    upload_finish(&reading.upload);
    return r;
}

/* ---- which of them ---- */

static bool is_media_type(struct gale_str value, struct gale_str type)
{
    return str_equals_nocase(field_cut(&value, ';'), type);
}

SUSPENDS static int read_by_type(struct gale_request *req, struct form *form)
{
    struct arena *arena = exchange_of_request(req)->arena;
    struct gale_str type, boundary;
    if (gale_request_header_nth(req, STR("content-type"), 0, &type) < 0)
        return -ENOENT;
    bool is_multipart = is_media_type(type, STR("multipart/form-data"));
    if (!is_multipart && !is_media_type(type, STR("application/x-www-form-urlencoded")))
        return -ENOENT;
    if (req->is_body_touched)
        return -EALREADY;
    if (!is_multipart)
        return read_urlencoded(req, arena, form);
    req->is_body_touched = true;
    return multipart_boundary(type, &boundary) < 0 ? -EBADMSG
                                                   : read_multipart(req, arena, boundary, form);
}

int form_read(struct gale_request *req, struct form *form)
{
    int r = read_by_type(req, form);
    bool is_clients_fault = r == -EBADMSG || r == -EMSGSIZE;
    if (is_clients_fault && !req->body_error)
        req->body_error = r;
    return r;
}

void form_finish(struct form *form)
{
    for (size_t i = 0; form && i < form->file_count; i++)
        if (form->files[i].fd >= 0)
            close(form->files[i].fd);
}
