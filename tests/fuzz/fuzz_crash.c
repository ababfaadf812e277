/* Any bytes in a dead worker's slot of the board, and any text of the process that looks symbols
 * up: the report can be printed, as text and as JSON.
 *
 * The first two bytes say how much of the input is the record; the rest is that text. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "process/crash.h"
#include "process/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const struct crash *crash)
{
    struct buffer out = {0};
    struct json json = {.out = &out};
    json_open(&json, NULL, '{');
    crash_write(crash, &json);
    json_close(&json, '}');
    json_t *read = json_loadb(out.at, out.len, JSON_ALLOW_NUL, NULL);
    assert(read && json_object_get(read, "stack"));
    json_decref(read);
    buffer_finish(&out);
}

static void check_questions(const struct crash *crash)
{
    char name[40];
    const struct crash_line *culprit = crash_culprit(crash);
    assert(crash_app(crash) && crash_name(crash, name, sizeof(name)) == name);
    assert(crash_end(crash) <= crash->line_count);
    assert(!culprit || (culprit >= crash->lines && culprit < crash->lines + crash->line_count));
    for (size_t i = 0; i < crash->line_count; i++) {
        assert(crash->lines[i].frame < crash->frame_count);
        assert(crash_file(crash, &crash->lines[i]));
        (void)crash_is_foreign(crash, &crash->lines[i]);
        (void)crash_depth(crash, crash->lines[i].frame);
    }
}

static void check_text(const struct crash *crash)
{
    struct buffer what = {0}, place = {0}, report = {0};
    crash_print_what(crash, &what);
    crash_print_place(crash, &place);
    crash_print(crash, &report);
    assert(what.len && report.len && strlen(report.at) == report.len);
    buffer_finish(&what);
    buffer_finish(&place);
    buffer_finish(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct crash_facts facts = {.how = "was killed by SIGSEGV", .signal = 11};
    if (size < 2)
        return 0;
    size_t len = (size_t)data[0] << 8 | data[1];
    len = len < size - 2 ? len : size - 2;
    struct crash_record *record = calloc(1, sizeof(*record));
    memcpy(record, data + 2, len < sizeof(*record) ? len : sizeof(*record));
    struct crash *crash = crash_create(&facts, record);
    for (unsigned i = 0; i < crash->record.module_count; i++)
        if (i % 2)
            crash_name_module(crash, i, "/original/shop.so");
    crash_add_symbols(crash, (const char *)data + 2 + len, size - 2 - len);
    check_questions(crash);
    check_text(crash);
    check_json(crash);
    crash_free(crash);
    free(record);
    return 0;
}
