"""What may happen in one place only, one row each."""
import fnmatch
import re

from source import code_lines, code_of, files, text_of

# name: (functions, where they may be called). Names after `.` or `->` are members, not these.
CALLS = {
    "epoll": (r"epoll_\w+", ["container/loop/poller_epoll.c"]),
    "stack-switch": (r"coroutine_(?:resume|yield|switch)",
                     ["container/loop/coroutine*", "container/loop/task*.c"]),
    "sockets": (r"(?:recv|send)(?:from|to|msg|mmsg|file)?|accept4?|connect|bind|listen|socket|"
                r"shutdown|[gs]etsockopt|getsockname|getpeername|splice",
                ["container/net/*"]),
    "processes": (r"v?fork|posix_spawnp?|(?:f?exec(?:ve?|vpe?|lpe?|le?|veat))|clone3?|system|popen",
                  ["container/process/*", "container/net/child_process*.c"]),
    "dlopen": (r"dlm?open|dlv?sym", ["adapters/plugin/*"]),
}
HEADERS = {
    "http-parser": (r"<http_parser\.h>", ["container/http/http_parse*"]),
    "inih": (r"<ini\.h>", ["container/base/ini_line.c"]),
}
ERRNO_TO_STATUS = re.compile(r"\bE[A-Z]{3,}\b[^;\n]*\b[45][0-9]{2}\b")


def is_allowed(path, places):
    return any(fnmatch.fnmatch(path, place) for place in places)


def own_functions(path):
    """The names that the file gives its static functions: a `send` of its own sends no packet."""
    return set(re.findall(r"^static\b[^=;(]*?\b(\w+)\(", code_of(path), re.MULTILINE))


def check_calls(name):
    functions, places = CALLS[name]
    pattern = re.compile(r"(?<![\w.])(?<!->)(%s)\s*\(" % functions)
    for path in files("container", "adapters"):
        if is_allowed(path, places):
            continue
        own = own_functions(path)
        for number, line in code_lines(path):
            match = pattern.search(line)
            if match and match.group(1) not in own:
                yield "%s:%d: %s) belongs in %s" % (path, number, match.group(), " ".join(places))


def check_header(name):
    header, places = HEADERS[name]
    for path in files("container", "adapters"):
        if re.search(r"#\s*include\s*" + header, text_of(path)) and not is_allowed(path, places):
            yield "%s includes %s, which belongs in %s" % (path, header, " ".join(places))


def check_errno_to_status():
    for path in files("container", "adapters"):
        if path == "container/http/error_page.c":
            continue
        for number, line in code_lines(path):
            if ERRNO_TO_STATUS.search(line):
                yield "%s:%d: which status an errno means is error_page.c's to say" % (path, number)


CHECKS = {"only-" + name: lambda name=name: check_calls(name) for name in CALLS}
CHECKS.update({"only-" + name: lambda name=name: check_header(name) for name in HEADERS})
CHECKS["only-errno-to-status"] = check_errno_to_status
