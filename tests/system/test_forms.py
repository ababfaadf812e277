"""Forms as browsers send them, as they should not, and as no browser would."""
import os

import pytest

from probes import chunked, probe_app, request, share  # noqa: F401


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    yield from share(tmp_path_factory, probe_app(form_memory="1K"), body_timeout="5s")


def post(g, body, kind, extra=""):
    return g.post("/form" + extra, body, {"Content-Type": kind})


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("body, fields", [
    (b"a=1&b=2", ["a=1", "b=2"]), (b"a=1&a=2", ["a=1", "a=2"]), (b"", []), (b"a", ["a="]),
    (b"a=&b=", ["a=", "b="]), (b"a=b=c", ["a=b=c"]), (b"a+b=c+d%2B", ["a b=c d+"]),
    (b"a=%C3%A9", ["a=\u00e9"]), (b"a=%zz&b=%", ["a=%zz", "b=%"]), (b"a=1;b=2", ["a=1;b=2"]),
    (b"&&a=1&&", ["a=1"])])
def test_urlencoded(forms, body, fields):
    answer = post(forms, body, URLENCODED)
    assert answer.text.splitlines() == [f"field {f}" for f in fields]
    answer = post(forms, body, URLENCODED + "; charset=utf-8")
    assert answer.text.splitlines() == [f"field {f}" for f in fields]


def test_urlencoded_in_chunks(forms):
    with forms.connect() as c:
        data = chunked("/form", b"foo=", b"bar").replace(
            b"Host: a\r\n", b"Host: a\r\nContent-Type: " + URLENCODED.encode() + b"\r\n")
        c.send(data)
        assert c.response().body == b"field foo=bar\n"


def test_too_many_fields(forms):
    assert post(forms, b"&".join(b"a=1" for _ in range(1000)), URLENCODED).status == 200
    assert post(forms, b"&".join(b"a=1" for _ in range(1001)), URLENCODED).status == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-dataxyz",
                                  "multipart/mixed; boundary=x", ""])
def test_no_form(forms, kind):
    assert post(forms, b"a=1", kind, "?tell=1").body == b"-2\n"


# ---- multipart ----

def part(head, data):
    return b"--B\r\n" + head.encode("latin-1") + b"\r\n\r\n" + data + b"\r\n"


def field(name, data):
    return part(f'Content-Disposition: form-data; name="{name}"', data)


def file(name, filename, data, kind="Content-Type: text/plain"):
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return part(head + ("\r\n" + kind if kind else ""), data)


END = b"--B--\r\n"
KIND = "multipart/form-data; boundary=B"


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 65536, 300001])
def test_files(forms, size):
    """Small ones in memory, larger ones on disk, each byte as it came."""
    data = os.urandom(size)
    answer = post(forms, field("a", b"1") + file("f", "x.bin", data) + field("b", b"2") + END, KIND)
    where = "memory" if size <= 1024 else "disk"
    assert answer.text.splitlines() == [
        "field a=1", "field b=2", f"file f|x.bin|text/plain|{size}|{sum(data)}|{where}"]


def test_a_file_cut_anywhere(forms):
    data = b"\r\n--A\r-\r\n--C--\r\n--" * 40
    body = field("a", b"1") + file("f", "x", data) + END
    head = request("/form", f"Content-Type: {KIND}", f"Content-Length: {len(body)}", method="POST")
    want = [b"field a=1", b"file f|x|text/plain|%d|%d|memory" % (len(data), sum(data))]
    with forms.connect() as c:
        for at in range(0, len(body), 17):
            c.send(head + body[:at])
            c.send(body[at:])
            assert c.response().body.splitlines() == want


@pytest.mark.parametrize("filename, seen", [
    ("a;b.txt", "a;b.txt"), ('a\\"b.txt', 'a"b.txt'), ("a b.txt", "a b.txt"),
    ("..\\\\..\\\\x", "..\\..\\x"), ("../../etc/passwd", "../../etc/passwd"), ("%22", "%22"),
    ("\xe4\xb8\xad", "\u4e2d"), ("", None)])
def test_filenames(forms, filename, seen):
    answer = post(forms, file("f", filename, b"x" if seen else b"") + END, KIND)
    assert answer.status == 200
    lines = answer.text.splitlines()
    assert lines == ([f"file f|{seen}|text/plain|1|120|memory"] if seen else [])


def test_extended_filename_wins(forms):
    head = ("Content-Disposition: form-data; name=f; filename=\"plain\"; "
            "filename*=UTF-8''%C3%A1b.txt")
    assert "f|\u00e1b.txt|" in post(forms, part(head, b"x") + END, KIND).text


@pytest.mark.parametrize("kind", [
    'multipart/form-data; boundary="B"', "Multipart/Form-Data; BOUNDARY=B",
    "multipart/form-data; charset=x; boundary=B"])
def test_boundaries(forms, kind):
    assert post(forms, field("a", b"1") + END, kind).body == b"field a=1\n"


BROKEN = {
    "no boundary": (field("a", b"1") + END, "multipart/form-data"),
    "empty boundary": (field("a", b"1") + END, "multipart/form-data; boundary="),
    "long boundary": (field("a", b"1") + END, "multipart/form-data; boundary=" + "B" * 71),
    "garbage": (b"garbage", KIND),
    "empty": (b"", KIND),
    "no final boundary": (field("a", b"1"), KIND),
    "no end of head": (b"--B\r\nContent-Disposition: form-data; name=a\r\n--B--\r\n", KIND),
    "no disposition": (part("Content-Type: text/plain", b"1") + END, KIND),
    "other disposition": (part("Content-Disposition: attachment; name=a", b"1") + END, KIND),
    "no name": (part("Content-Disposition: form-data", b"1") + END, KIND),
    "empty name": (field("", b"1") + END, KIND),
    "NUL in filename": (file("f", "a\x00b", b"1") + END, KIND),
    "CR in filename": (file("f", "a\rb", b"1") + END, KIND),
    "no colon": (part("Content-Disposition form-data", b"1") + END, KIND),
    "bare LF": ((field("a", b"1") + END).replace(b"\r\n", b"\n"), KIND),
    "coded": (part("Content-Disposition: form-data; name=a\r\nContent-Encoding: gzip", b"1") + END,
              KIND),
    "huge part head": (
        part("Content-Disposition: form-data; name=a\r\nX: " + "x" * 9000, b"1") + END, KIND),
    "junk behind the boundary": (b"--Bx\r\n" + field("a", b"1")[5:] + END, KIND),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_multipart(forms, what):
    body, kind = BROKEN[what]
    answer = post(forms, body, kind)
    assert answer.status in (400, 413), what


def test_many_parts(forms):
    assert post(forms, b"".join(field("a", b"1") for _ in range(1000)) + END, KIND).status == 200
    assert post(forms, b"".join(field("a", b"1") for _ in range(1001)) + END, KIND).status == 413
    large = b"x" * 2000
    assert post(forms, b"".join(file("f", "x", large) for _ in range(64)) + END, KIND).status == 200
    assert post(forms, b"".join(file("f", "x", large) for _ in range(65)) + END, KIND).status == 413


def test_descriptors_of_files_are_given_back(forms):
    pid = forms.workers()[0]["pid"]
    folder = f"/proc/{pid}/fd"
    body = b"".join(file("f", "x", b"x" * 2000) for _ in range(20))
    before = len(os.listdir(folder))
    for _ in range(10):
        assert post(forms, body + END, KIND).status == 200
        assert post(forms, body, KIND).status == 400
    with forms.connect() as c:  # the connections themselves have gone by then
        c.send(request("/hello"))
        c.response()
        assert len(os.listdir(folder)) <= before + 2


def test_boundaries_that_nearly_match_cost_no_more(forms):
    """Ten times as much is not a hundred times the work: it just comes through."""
    data = (b"\r\n--" * 250000)[:1000000]
    answer = post(forms, file("f", "x", data) + END, KIND)
    assert answer.text == f"file f|x|text/plain|{len(data)}|{sum(data)}|disk\n"
