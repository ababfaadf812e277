/* Any bytes are records and pairs of someone: what is decoded lies within them, and is encoded to
 * what is decoded as the same.
 *
 * The first two bytes are the limit of a pair. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fastcgi/fcgi_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pair_again(struct gale_str name, struct gale_str value)
{
    size_t size = fcgi_pair_size(name.len, value.len);
    unsigned char *bytes = malloc(size);
    struct gale_str n, v, rest = {(char *)bytes, size};
    assert(bytes && fcgi_pair_encode(bytes, name, value) == bytes + size);
    assert(fcgi_pair_decode(&rest, name.len + value.len, &n, &v) == 1 && !rest.len);
    assert(str_equals(n, name) && str_equals(v, value));
    free(bytes);
}

static void read_pairs(struct gale_str rest, size_t max)
{
    struct gale_str name, value;
    const char *end = rest.at + rest.len;
    int r;
    while ((r = fcgi_pair_decode(&rest, max, &name, &value)) == 1) {
        assert(name.at + name.len == value.at && value.at + value.len == rest.at);
        assert(rest.at + rest.len == end && name.len + value.len <= max);
        check_pair_again(name, value);
    }
    assert(r == -EAGAIN || r == -EMSGSIZE || (r == 0 && !rest.len));
}

static void read_record(const unsigned char *header)
{
    struct fcgi_record record, again;
    unsigned char copy[FCGI_HEADER_SIZE];
    uint8_t padding;
    int r = fcgi_record_decode(header, &record);
    assert(r == (header[0] == FCGI_VERSION_1 ? 0 : -EPROTO));
    if (r < 0)
        return;
    fcgi_record_encode(copy, record.type, record.id, record.length, true, &padding);
    assert((record.length + padding) % 8 == 0);
    assert(fcgi_record_decode(copy, &again) == 0);
    assert(again.type == record.type && again.id == record.id && again.length == record.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t max = (size_t)data[0] << 8 | data[1];
    if (size >= 2 + FCGI_HEADER_SIZE)
        read_record(data + 2);
    read_pairs((struct gale_str){(const char *)data + 2, size - 2}, max);
    return 0;
}
