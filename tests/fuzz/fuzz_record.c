/* Any bytes are the records that another version of gale left for an upgrade: what is read is
 * written as the same, and a state that is none is refused in words. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/plugin/plugin.h"
#include "base/buffer.h"
#include "base/record.h"
#include "base/str.h"
#include "process/upgrade_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct record *record)
{
    struct buffer text = {0};
    struct record again;
    record_add(&text, record->kind, record->text, record->numbers, RECORD_NUMBERS);
    struct gale_str rest = buffer_str(&text);
    assert(record_next(&rest, &again) == 1 && !rest.len);
    assert(strcmp(again.kind, record->kind) == 0 && str_equals(again.text, record->text));
    assert(memcmp(again.numbers, record->numbers, sizeof(again.numbers)) == 0);
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adapter *const adapters[] = {&plugin_adapter, NULL};
    struct gale_str text = {(const char *)data, size}, rest = text;
    struct record record;
    char *error = NULL;
    int r;
    while ((r = record_next(&rest, &record)) == 1) {
        assert(record.text.at >= text.at && record.text.at + record.text.len <= rest.at);
        check_again(&record);
    }
    assert(r == -EBADMSG || (r == 0 && !rest.len));
    r = upgrade_state_check(text, adapters, &error);
    assert(r <= 0 && (r == 0) == !error);
    free(error);
    (void)upgrade_state_previous(text);
    return 0;
}
