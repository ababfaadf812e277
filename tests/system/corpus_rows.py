"""The corpus: raw requests and what has to come of each, read from corpus/*.txt.

A file is a family; `== ...` begins a section and names the RFC's; a row is one line:

    EXPECTED | BYTES

EXPECTED is one answer or several with `;` between, then what becomes of the connection:

    200 POST /p =abc            the status, and what the plugin witness saw: method, path, body;
                                also query=, host=, fields= (their number), length= (of the body)
    206 :text                   the status and the answer's body
    400                         the status alone
    keep, close                 the connection goes on, or ends; keep unless a status is 400 or more
    wait [STATUS]               nothing more comes before the client ends its side; then this or nothing
    [nginx 400; 200 GET /evil]  after that: what nginx in front makes of it, where that is more than
                                one request that gale alone would not have heard

BYTES has the escapes \\r \\n \\t \\\\ \\xHH, and in braces: {GET}, {POST} and other beginnings (below);
{9*text} a repetition; {any a|b|c} and {each 00-08 7f} alternatives, a row for each of them.
"""
import itertools
import re
from pathlib import Path

from probes import http_cases

FOLDER = Path(__file__).parent / "corpus"
BEGINNINGS = {
    "GET": "GET / HTTP/1.1\r\nHost: a\r\n",
    "POST": "POST /p HTTP/1.1\r\nHost: a\r\n",
    "OLD": "GET / HTTP/1.0\r\n",
    "OLDPOST": "POST /p HTTP/1.0\r\n",
    "HOST": "Host: a\r\n",
    "CHUNKED": "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "UNREAD": "POST /-/unread HTTP/1.1\r\nHost: a\r\n",
    "FILE": "GET /files/ten HTTP/1.1\r\nHost: a\r\n",
    "NEXT": "GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    "EVIL": "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
}
BRACES = re.compile(r"\{(?:(any) ([^}]*)|(each) ([0-9a-f -]+)|(\d+)\*([^}]+)|([A-Z]+))\}")


class Answer:
    """One expected answer: its status, and what was seen or said."""

    def __init__(self, words):
        self.status, self.method, self.seen, self.body = int(words[0]), "GET", {}, None
        for word in words[1:]:
            word = unescape(word)
            if word.startswith(":"):
                self.body = word[1:].encode("latin-1")
            elif word.startswith("="):
                self.seen["body"] = word[1:]
            elif re.fullmatch(r"[A-Z]+", word):
                self.method = word
            elif word[0] in "/*":
                self.seen["path"] = word
            else:
                name, value = word.split("=", 1)
                self.seen[name] = value
        if self.seen:
            self.seen["method"] = self.method
        if self.seen and "length" not in self.seen:
            self.seen.setdefault("body", "")


class Row:
    """One request (or several, or none) and what has to come of it."""

    def __init__(self, place, data, answers, after, at_end=(), nginx=None):
        self.place, self.data, self.answers = place, data, answers
        self.after, self.at_end, self.nginx = after, list(at_end), nginx

    @property
    def statuses(self):
        return [a.status for a in self.answers]

    @property
    def methods(self):
        return [a.method for a in self.answers]

    def __repr__(self):
        data = self.data if len(self.data) < 200 else self.data[:90] + b" ... " + self.data[-90:]
        return f"{self.place} {data!r}"


# ---- reading ----

def unescape(text):
    simple = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
    return re.sub(r"\\(?:x([0-9a-fA-F]{2})|(.))",
                  lambda m: chr(int(m[1], 16)) if m[1] else simple[m[2]], text)


def alternatives(match):
    """What a pair of braces may stand for."""
    is_any, choices, is_each, ranges, count, text, name = match.groups()
    if is_any:
        return [unescape(choice) for choice in choices.split("|")]
    if is_each:
        found = []
        for part in ranges.split():
            first, _, last = part.partition("-")
            found += [chr(c) for c in range(int(first, 16), int(last or first, 16) + 1)]
        return found
    return [int(count) * unescape(text)] if count else [BEGINNINGS[name]]


def expand(text):
    """All the bytes that BYTES stands for."""
    parts, at = [], 0
    for match in BRACES.finditer(text):
        parts += [[unescape(text[at:match.start()])], alternatives(match)]
        at = match.end()
    parts.append([unescape(text[at:])])
    return ["".join(choice).encode("latin-1") for choice in itertools.product(*parts)]


def read_answers(text):
    return [Answer(part.split()) for part in text.split("; ") if part.strip()]


def read_expected(text):
    """(answers, after, statuses at the end, what nginx makes of it or None)"""
    text, _, nginx = text.partition("[nginx")
    after = re.search(r"\b(?:(keep|close)|wait((?: \d+)*)) *$", text)
    answers = read_answers(text[:after.start()] if after else text)
    nginx = read_answers(nginx.strip(" ]")) if nginx else None
    if after:
        return answers, after[1] or "wait", [int(s) for s in (after[2] or "").split()], nginx
    is_refused = any(a.status >= 400 for a in answers)
    return answers, "close" if is_refused else "keep", [], nginx


def read_family(path):
    section = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("=="):
            section = line.strip("= ")
        elif line and not line.startswith("#"):
            assert section and "RFC" in section, f"{path.name}:{number}: no section of an RFC"
            expected, bar, text = line.partition(" | ")
            assert bar, f"{path.name}:{number}: no ` | `"
            for data in expand(text):
                yield Row(f"{path.stem}:{number}", data, *read_expected(expected))


# ---- the rows of the unit tests, with the bodies that their heads announce ----

def body_of(flags):
    if "chunked" in flags:
        return b"3\r\nabc\r\n0\r\n\r\n"
    length = int(next((f[7:] for f in flags if f.startswith("length=")), 0))
    return b"b" * length if length < 1000 else b""


def row_of_case(number, data, status, meaning):
    place = f"http_cases:{number}"
    if status:
        return Row(place, data, [Answer([str(status)])], "close")
    method, target, _, _, *flags = meaning.split(" ", 4)
    flags = flags[0].split("|")[0].split() if flags else []
    if "length=1000000000000" in flags:
        return Row(place, data, [Answer(["413"])], "close")
    answer = Answer(["204" if target == "*" else "200"])
    answer.method = method
    return Row(place, data + body_of(flags), [answer], "keep" if "keep" in flags else "close")


def families():
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def rows_of(family):
    if family == "http_cases":
        return [row_of_case(n, *case) for n, case in enumerate(http_cases(), 1)]
    return list(read_family(FOLDER / f"{family}.txt"))


def all_rows():
    """Every row once: what the unit tests have, too, is told apart by its bytes."""
    rows = {}
    for family in [*families(), "http_cases"]:
        for row in rows_of(family):
            rows.setdefault(row.data, row)
    return list(rows.values())
