/* echo - answers any method with the body as it came, streamed: a gigabyte needs no more memory
 * than a word.
 *
 *   curl --data-binary @large.file http://127.0.0.1:8080/echo
 *
 * Reading waits for the client, writing waits for it, too: that is all there is to back-pressure.
 */
#include <gale/gale.h>
#include <stdio.h>

/* With the length announced in the answer, the client sees how much is to come. */
static void announce(struct gale_request *req, struct gale_response *res)
{
    char length[32];
    if (gale_request_length(req) < 0)
        return; /* chunked: nobody knows yet */
    snprintf(length, sizeof(length), "%lld", (long long)gale_request_length(req));
    gale_response_header(res, "Content-Length", length);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    char piece[16384];
    ssize_t n;
    (void)state;
    gale_response_header(res, "Content-Type",
                         gale_request_header(req, "Content-Type", "application/octet-stream"));
    announce(req, res);
    while ((n = gale_request_read(req, piece, sizeof(piece))) > 0) {
        int r = gale_response_write(res, piece, (size_t)n);
        if (r < 0)
            return r;
    }
    return (int)n; /* 0 at the end of the body, or what went wrong */
}

GALE_PLUGIN(p)
{
    p->name = "echo";
    p->version = "1.0";
    p->serve = serve;
}
