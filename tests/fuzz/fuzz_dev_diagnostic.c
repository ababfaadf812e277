/* Any bytes are what a compiler, a linker or a sanitizer says: places lie in the text, the text is
 * read to its end, and what is made of it is text.
 *
 * `gale dev` reads it once each way. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "app/dev_diagnostic.h"
#include "base/buffer.h"
#include "base/str.h"
#include "process/dev_asan.h"
#include "process/dev_depends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct gale_str view, struct gale_str text)
{
    return !view.len || (view.at >= text.at && view.at + view.len <= text.at + text.len);
}

static void check_diagnostics(struct gale_str text)
{
    struct gale_str rest = text;
    struct dev_diagnostic it;
    size_t counts[3] = {0}, left = rest.len;
    while (dev_diagnostic_next(&rest, &it)) {
        assert(lies_in(it.file, text) && lies_in(it.message, text) && it.file.len);
        assert(it.line >= 1 && it.width >= 1 && it.kind <= DEV_NOTE);
        assert(rest.len < left); /* it goes on */
        left = rest.len;
        counts[it.kind]++;
    }
    for (enum dev_kind kind = DEV_ERROR; kind <= DEV_NOTE; kind++)
        assert(dev_diagnostic_count(text, kind) == counts[kind]);
}

static void check_report(struct gale_str text)
{
    struct buffer what = {0}, stack = {0};
    dev_asan_read(text, &what, &stack);
    struct gale_str rest = buffer_str(&stack);
    while (rest.len) {
        struct gale_str line = str_cut(&rest, '\n');
        (void)str_cut(&line, '\t');
        assert(line.at && memchr(line.at, '\t', line.len));
    }
    assert(!what.len || !memchr(what.at, '\n', what.len));
    buffer_finish(&what);
    buffer_finish(&stack);
}

static void check_linker(struct gale_str text)
{
    struct buffer copy = {0};
    buffer_add_str(&copy, text);
    (void)dev_depends_filter_linker(&copy);
    buffer_finish(&copy);
}

static void check_inputs(struct gale_str text)
{
    struct dev_inputs inputs = {.folder = "/nowhere"};
    dev_inputs_add_named(&inputs, text);
    for (size_t i = 0; i < inputs.count; i++)
        assert(inputs.paths[i][0] == '/');
    assert(!inputs.paths || !inputs.paths[inputs.count]);
    dev_inputs_finish(&inputs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str text = {(const char *)data, size};
    check_diagnostics(text);
    check_report(text);
    check_linker(text);
    check_inputs(text);
    return 0;
}
