"""Bodies that are announced too large, or are still on their way when the answer begins."""
import pytest

from harness import wait_for

POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
READ = r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    (void)state;
    int r = gale_request_body(req, &body);
    return r < 0 ? r : gale_reply(res, 200, "text/plain", "%d bytes\n", (int)body.len);
}
GALE_PLUGIN(p) { p->name = "read"; p->serve = serve; }
"""


@pytest.fixture
def read(gale, plugin):
    def begin(**server):
        return gale(f"[app read]\nmount = /\nplugin = {plugin(READ)}\n", **server)
    return begin


@pytest.mark.parametrize("size, status", [
    ("2710", None), ("2711", 413), ("ffffffff", 413), ("fffffffffffffff", 413),
    ("ffffffffffffffff", 413), ("10000000000000000", 400)])
def test_a_chunk_too_large_is_refused_when_announced(read, size, status):
    g = read(max_body=10000)
    with g.connect() as c:
        c.send(CHUNKED + size + "\r\n")
        if status:
            assert c.response().status == status
            return
        c.send("x" * 10000 + "\r\n")
        c.send("0\r\n\r\n")
        assert c.response().body == b"10000 bytes\n"
    for first in (9999, 10000):  # the sum counts
        with g.connect() as c:
            c.send(CHUNKED + f"{first:x}\r\n" + "x" * first + "\r\n2\r\n")
            assert c.response().status == 413


def test_an_answer_that_begins_before_the_body_ends(gale, build):
    """A connection goes on when the app has read the body to its end meanwhile."""
    g = gale(f"[app echo]\nmount = /\nplugin = {build.resolve()}/examples/echo.so\n", max_body="10M")
    with g.connect() as c:
        for _ in range(3):
            c.send(CHUNKED + "5\r\nhello\r\n")
            head = c.until(b"hello\r\n")
            assert b"Connection" not in head
            c.send("6\r\n world\r\n0\r\n\r\n")
            assert c.until(b"0\r\n\r\n").count(b" world") == 1
        assert c.request("GET", "/").status == 200
    with g.connect() as c:  # broken in the midst: the answer must not look whole
        c.send(CHUNKED + "5\r\nhello\r\n")
        c.until(b"hello\r\n")
        c.send("zz\r\n")
        assert b"0\r\n\r\n" not in c.rest()
    assert "serve failed" not in g.stderr()


def test_an_answer_to_a_body_that_nobody_reads_to_its_end(gale, plugin):
    some = plugin(r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    char byte;
    (void)state;
    if (gale_request_read(req, &byte, 1) < 0)
        return -1;
    gale_response_puts(res, "one byte will do\n");
    gale_response_flush(res);
    return gale_response_puts(res, "and this\n");
}
GALE_PLUGIN(p) { p->name = "some"; p->serve = serve; }
""")
    g = gale(f"[app some]\nmount = /\nplugin = {some}\n", max_body="10M", body_timeout="2s")
    with g.connect() as c:  # a little more is read, and the connection goes on
        c.send(CHUNKED + "1000\r\n" + "x" * 0x1000 + "\r\n0\r\n\r\n")
        assert c.response().body == b"one byte will do\nand this\n"
        c.send(CHUNKED + "5\r\nhello\r\n0\r\n\r\n")
        assert c.response().body == b"one byte will do\nand this\n"
    with g.connect() as c:  # so much is not
        c.send(CHUNKED + "100000\r\n" + "x" * 0x100000 + "\r\n")
        assert c.response().body == b"one byte will do\nand this\n"
        wait_for(c.is_closed, "its end")
