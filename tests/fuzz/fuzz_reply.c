/* Any bytes are a program's output: the split does not matter, and what was taken is sane.
 *
 * The first byte says whether the program's name begins with nph-. What is read is written down
 * again and must be read as the same. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "adapters/gateway/reply.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"
#include "http/http_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the block ends when the bytes come `step` at a time. */
static long scan(const char *text, size_t len, size_t step)
{
    size_t searched = 0;
    long end = 0;
    for (size_t have = 0; have < len && end == 0;) {
        have = have + step < len ? have + step : len;
        end = reply_scan(&searched, text, have);
        assert(end <= (long)have && searched <= have);
    }
    return end;
}

static void check_field(const struct reply_field *field)
{
    static const char *const never[] = {"Status",     "Content-Length", "Transfer-Encoding",
                                        "Connection", "Keep-Alive",     "Upgrade",
                                        "X-Sendfile"};
    assert(http_is_token(field->name) && http_is_field_value(field->value));
    assert(field->name.at[field->name.len] == 0 && field->value.at[field->value.len] == 0);
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        assert(!str_equals_nocase(field->name, str_of(never[i])));
}

static void check_reply(const struct reply *reply)
{
    assert(reply->status >= 200 && reply->status <= 599 && reply->length >= -1);
    assert(reply->count <= REPLY_FIELDS_MAX);
    for (size_t i = 0; i < reply->count; i++)
        check_field(&reply->fields[i]);
    if (reply->kind == REPLY_LOCAL_REDIRECT)
        assert(reply->location.at[0] == '/' && reply->location.at[1] != '/');
    else
        assert(!reply->location.len);
}

/* The reply as a program would write it with an explicit status. */
static void write_down(const struct reply *reply, struct buffer *to)
{
    buffer_printf(to, "Status: %d\r\n", reply->status);
    if (reply->length >= 0)
        buffer_printf(to, "Content-Length: %lld\n", (long long)reply->length);
    for (size_t i = 0; i < reply->count; i++)
        buffer_printf(to, "%s: %s\n", reply->fields[i].name.at, reply->fields[i].value.at);
    buffer_add_text(to, "\n");
}

static void check_again(const struct reply *reply, struct arena *arena)
{
    struct buffer text = {0};
    struct reply again;
    const char *why;
    write_down(reply, &text);
    if (text.len <= REPLY_HEAD_MAX && reply->count + 2 < REPLY_FIELDS_MAX) {
        assert(scan(text.at, text.len, text.len) == (long)text.len);
        assert(reply_parse(text.at, text.len, false, arena, &again, &why) == 0);
        assert(again.status == reply->status && again.length == reply->length);
        assert(again.count == reply->count);
        for (size_t i = 0; i < again.count; i++)
            assert(str_equals(again.fields[i].value, reply->fields[i].value));
    }
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct reply reply;
    const char *why = NULL;
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    long end = scan(text, len, len);
    assert(end == scan(text, len, 1) && end == scan(text, len, 7));
    assert(end >= 0 || end == -EMSGSIZE);
    if (end <= 0)
        return 0;
    arena_init(&arena, NULL, 0);
    int r = reply_parse(text, (size_t)end, data[0] & 1, &arena, &reply, &why);
    assert(r == 0 || (r == -EBADMSG && why));
    if (r == 0) {
        check_reply(&reply);
        check_again(&reply, &arena);
    }
    arena_finish(&arena);
    return 0;
}
