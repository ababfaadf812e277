/* Any bytes are a submitted form, in both codings: read whole or not at all, with files on disk
 * where they are large, and nothing is left open.
 *
 * The first byte is a set of flags and how the body is cut; the second the limit for files in
 * memory. */
#include <assert.h>
#include <stdint.h>
#include <sys/stat.h>

#include "descriptors.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/form.h"
#include "http/test_front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IS_MULTIPART = 1, IS_CHUNKED = 2, SIZE_MAX_INPUT = 8192 };

static size_t total;

static void check_text(struct gale_str text)
{
    assert(text.at[text.len] == 0);
    total += text.len;
}

static void check_file(const struct gale_file *file)
{
    struct stat info;
    check_text(file->field);
    check_text(file->filename);
    check_text(file->type);
    total += (size_t)file->size;
    if (file->fd < 0)
        assert(file->data.len == (size_t)file->size);
    else
        assert(fstat(file->fd, &info) == 0 && info.st_size == file->size && !info.st_nlink);
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    struct gale_file file;
    (void)data;
    (void)res;
    total = 0;
    int r = gale_request_form_read(req);
    for (size_t i = 0; gale_request_form_at(req, i, &name, &value) == 0; i++) {
        check_text(name);
        check_text(value);
    }
    for (size_t i = 0; gale_request_file_at(req, i, &file) == 0; i++)
        check_file(&file);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned turns;
    struct test_front front;
    if (size < 2 || size > SIZE_MAX_INPUT)
        return 0;
    log_set_fd(-1);
    bool looks = turns++ % 256 == 0;
    size_t before = looks ? descriptors_open() : 0;
    test_front_init(&front, "POST", "/form");
    test_front_header(&front, "Content-Type",
                      data[0] & IS_MULTIPART ? "multipart/form-data; boundary=x"
                                             : "application/x-www-form-urlencoded");
    (data[0] & IS_CHUNKED ? test_front_chunked : test_front_body)(&front, (const char *)data + 2,
                                                                  size - 2, data[0] >> 2);
    front.exchange.form_memory = data[1];
    (void)test_front_serve(&front, serve, NULL);
    assert(total <= 2 * size);
    assert(front.status >= 200 && front.status < 600);
    test_front_finish(&front);
    assert(!looks || descriptors_open() == before);
    return 0;
}
