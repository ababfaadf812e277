"""HTTP/1.1 as it is spoken to a running gale: what a corpus of rows (test_corpus.py) cannot say."""
import email.utils
import re
import time

import pytest

from probes import chunk, chunked, request, site, start_probe, statuses  # noqa: F401


def is_kept(c):
    """Whether the connection takes another request."""
    c.send(request("/again"))
    try:
        return c.response().body == b"/again"
    except (EOFError, ConnectionError):
        return False


# ---- targets ----

def test_query_pairs(site):  # noqa: F811
    shown = site.get("/show?a&b=&=c&a=1&d=e+f%20g&%E4%B8%AD=1&x=1;y=2&z=%ZZ").text
    pairs = re.findall(r"^pair (.*)$", shown, re.M)
    assert pairs == ["a=", "b=", "=c", "a=1", "d=e f g", "\u4e2d=1", "x=1;y=2", "z=%ZZ"]


def test_absolute_target_names_the_host(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("http://EXAMPLE.com:81/show?x=1"))
        shown = c.response().text.splitlines()
    assert {"host=example.com", "path=/show", "target=http://EXAMPLE.com:81/show?x=1"} <= set(shown)


# ---- what every answer holds ----

def test_date_is_now(site):  # noqa: F811
    date = email.utils.parsedate_to_datetime(site.get("/").header("Date"))
    assert abs(date.timestamp() - time.time()) < 2.5


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/status?code=204", "/return?value=500"])
def test_common_fields_come_once(site, path):  # noqa: F811
    names = [name.lower() for name, _ in site.get(path).headers]
    assert names.count("date") == names.count("server") == 1
    assert names.count("content-length") + names.count("transfer-encoding") <= 1


@pytest.mark.parametrize("code", [204, 304])
def test_answers_without_body(site, code):  # noqa: F811
    with site.connect() as c:
        c.send(request(f"/status?code={code}") + request("/after"))
        answer = c.response()
        assert answer.status == code and not answer.header("Transfer-Encoding")
        assert code == 304 or not answer.header("Content-Length")
        assert c.response().body == b"/after"


def test_205_and_other_codes_are_framed(site):  # noqa: F811
    for code in (200, 201, 205, 206, 299, 300, 404, 451, 499, 511, 599):
        with site.connect() as c:
            c.send(request(f"/status?code={code}") + request("/after"))
            assert c.response().status == code
            assert c.response().body == b"/after"


@pytest.mark.parametrize("code", [0, 1, 99, 100, 101, 103, 199, 600, 999, -200])
def test_codes_no_app_may_send(site, code):  # noqa: F811
    assert site.get(f"/status?code={code}").body == b"-22\n"


@pytest.mark.parametrize("path, length", [
    ("/", "1"), ("/large?size=5000", "5000"), ("/large?size=300000", "300000"),
    ("/length?say=77&write=0", "77"), ("/stream?n=2", None), ("/file", None),
    ("/print?size=50000", "50000"),
    ("/return?value=404", None), ("/status?code=204", None)])
def test_head_is_get_without_body(site, path, length):  # noqa: F811
    with site.connect() as c:
        c.send(request(path, method="HEAD") + request("/after"))
        answer = c.response("HEAD")
        assert length is None or answer.header("Content-Length") == length
        assert c.response().body == b"/after"


def test_unknown_length_is_chunked_for_new_clients(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("/stream?n=3") + request("/after"))
        answer = c.response()
        assert answer.header("Transfer-Encoding") == "chunked"
        assert answer.body == b"piece 0\npiece 1\npiece 2\n"
        assert c.response().body == b"/after"


@pytest.mark.parametrize("fields", [[], ["Connection: keep-alive"]])
def test_unknown_length_ends_with_the_connection_for_old_ones(site, fields):  # noqa: F811
    with site.connect() as c:
        c.send(request("/stream?n=3", *fields, version="1.0"))
        answer = c.response()
        assert answer.header("Transfer-Encoding") is None
        assert answer.header("Connection") == "close"
        assert answer.body == b"piece 0\npiece 1\npiece 2\n"


def test_old_client_is_told_that_it_is_kept(site):  # noqa: F811
    with site.connect() as c:
        for _ in range(3):
            c.send(request("/x", "Connection: keep-alive", version="1.0"))
            assert c.response().header("Connection") == "keep-alive"


def test_one_empty_line_between_requests(site):  # noqa: F811
    with site.connect() as c:
        for _ in range(3):
            c.send(b"\r\n" + request("/x"))
            assert c.response().status == 200


# ---- request bodies ----

def test_a_huge_chunk_size_is_refused_once_it_is_too_much(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("/count", "Transfer-Encoding: chunked", method="POST"))
        c.send(b"7fffffffffffffff\r\n")
        try:
            for _ in range(40):
                c.send(b"x" * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert c.response().status == 413


def test_trailers_are_no_headers(site):  # noqa: F811
    with site.connect() as c:
        c.send(chunked("/echo", b"abc", trailer=b"X-Evil: 1\r\nHost: evil\r\n") + request("/show"))
        assert c.response().body == b"abc"
        assert "evil" not in c.response().text.lower()


@pytest.mark.parametrize("size", [1, 100, 65536, 65537, 300000])
@pytest.mark.parametrize("path", ["/body", "/echo", "/count", "/hello", "/count?max=1&piece=1"])
def test_bodies_read_or_not_never_become_requests(site, path, size):  # noqa: F811
    """A body full of requests: what the app leaves of it is dropped, or the connection ends."""
    evil = (request("/evil") * (size // 30 + 1))[:size]
    with site.connect() as c:
        c.send(request(path, method="POST", body=evil))
        answer = c.response()
        assert answer.status == 200
        c.end()
        assert b"/evil" not in c.rest()
    with site.connect() as c:
        c.send(chunked(path, evil))
        assert c.response().status == 200
        c.end()
        assert b"/evil" not in c.rest()


def test_unread_bodies_end_the_connection_as_announced(site):  # noqa: F811
    """`Connection: close` is said exactly where the connection ends."""
    for size in (1, 1000, 60000, 65536, 65537, 200000):
        for fields in ([], ["Transfer-Encoding: chunked"]):
            body = b"x" * size
            body = chunk(body) + b"0\r\n\r\n" if fields else body
            with site.connect() as c:
                c.send(request("/hello", *fields, method="POST", body=body))
                answer = c.response()
                assert is_kept(c) == (answer.header("Connection") != "close"), (size, fields)


# ---- Expect ----

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_continue_is_said_when_the_body_is_read(site):  # noqa: F811
    for body in (b"x", b"x" * 100000):
        with site.connect() as c:
            c.send(request("/body", "Expect: 100-continue", f"Content-Length: {len(body)}",
                           method="POST"))
            assert c.until(b"\r\n\r\n") == CONTINUE
            c.send(body + request("/after"))
            assert c.response().body == body
            assert c.response().body == b"/after"


def test_continue_for_chunked(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("/echo", "Expect: 100-Continue", "Transfer-Encoding: chunked",
                       method="POST"))
        assert c.until(b"\r\n\r\n") == CONTINUE
        c.send(chunk(b"abc") + b"0\r\n\r\n" + request("/after"))
        assert c.response().body == b"abc"
        assert c.response().body == b"/after"


def test_final_answer_instead_of_continue(site):  # noqa: F811
    """Nobody knows whether the client sends its body then: so the connection ends."""
    for path, status in (("/hello", 200), ("/return?value=403", 403), ("/decline", 404)):
        with site.connect() as c:
            c.send(request(path, "Expect: 100-continue", "Content-Length: 5", method="POST"))
            answer = c.response()
            assert answer.status == status and answer.header("Connection") == "close"
            assert not is_kept(c)


def test_continue_is_not_said_for_a_body_too_large(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("/body", "Expect: 100-continue", "Content-Length: 99999999", method="POST"))
        assert c.response().status == 413
        assert not is_kept(c)


def test_no_continue_without_need(site):  # noqa: F811
    """Neither to old clients, nor without a body, nor when it is there already."""
    expect = "Expect: 100-continue"
    for data in (request("/body", expect, method="POST", body=b"abc"),
                 request("/body", expect, "Content-Length: 0", method="POST"),
                 request("/body", expect, method="POST"),
                 request("/body", expect, method="POST", version="1.0", body=b"abc")):
        with site.connect() as c:
            c.send(data)
            assert c.response().status == 200


def test_continue_comes_behind_earlier_answers(site):  # noqa: F811
    with site.connect() as c:
        c.send(request("/one") + request("/body", "Expect: 100-continue", "Content-Length: 3",
                                         method="POST"))
        assert c.response().body == b"/one"
        assert c.until(b"\r\n\r\n") == CONTINUE
        c.send(b"abc")
        assert c.response().body == b"abc"


# ---- pipelining ----

def test_pipelined_answers_come_in_order(site):  # noqa: F811
    """Also where the first ones take longest, and with all kinds among them."""
    data, want = b"", []
    for i in range(40):
        data += request(f"/nap?ms={(i % 4) * 3}") + request(f"/p{i}")
        want += [b"awake\n", b"/p%d" % i]
        data += request("/body", method="POST", body=b"b%d" % i) + chunked("/echo", b"c%d" % i)
        want += [b"b%d" % i, b"c%d" % i]
    with site.connect() as c:
        c.send(data)
        assert [c.response().body for _ in want] == want


def test_a_hundred_pipelined_answers_leave_together(site):  # noqa: F811
    with site.connect() as c:
        c.send(b"".join(request(f"/p{i}") for i in range(100)))
        pieces = 0
        while len(statuses(c.buffer)) < 100:
            assert c.fill()
            pieces += 1
        assert pieces <= 20, f"{pieces} reads for {len(c.buffer)} bytes"
        assert re.findall(rb"\r\n\r\n/p(\d+)", c.buffer) == [b"%d" % i for i in range(100)]


def test_a_client_that_pipelines_without_reading(site):  # noqa: F811
    """gale stops reading instead of hoarding answers; afterwards all of them are there."""
    count, data = 3000, request("/large?size=20000&piece=8000")
    with site.connect() as c:
        c.socket.setblocking(False)
        left, blocked = data * count, False
        while left and not blocked:
            try:
                left = left[c.socket.send(left):]
            except BlockingIOError:
                blocked = True
        sent = count - len(left) // len(data)
        c.socket.settimeout(30)
        for _ in range(sent - 1):
            assert len(c.response().body) == 20000
    assert site.get("/").status == 200


def test_other_version_of_http_1(gale):
    g = start_probe(gale)
    with g.connect() as c:
        c.send(request("/stream", version="1.7"))
        assert c.response().header("Transfer-Encoding") == "chunked"
        assert is_kept(c)
