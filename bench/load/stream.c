/* stream.c - the plugin of the benchmarks of bodies: reads one to its end, or writes one as long as
 * it is asked for (?bytes=N). */
#include <gale/gale.h>
#include <stdlib.h>

enum { BLOCK = 64 * 1024 };

static int read_all(struct gale_request *req, struct gale_response *res)
{
    char block[BLOCK];
    long long total = 0;
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0)
        total += n;
    return n < 0 ? (int)n : gale_reply(res, 200, "text/plain", "%lld\n", total);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    static const char block[BLOCK];
    (void)state;
    if (gale_request_length(req) != 0)
        return read_all(req, res);
    const char *length = gale_request_query(req, "bytes", "0");
    long long left = atoll(length);
    int r = gale_response_header(res, "Content-Length", length);
    while (r == 0 && left > 0) {
        size_t piece = left < BLOCK ? (size_t)left : BLOCK;
        r = gale_response_write(res, block, piece);
        left -= (long long)piece;
    }
    return r;
}

GALE_PLUGIN(p)
{
    p->name = "stream";
    p->serve = serve;
}
