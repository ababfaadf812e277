"""Each layer includes only what stands left of it; plugins and examples only <gale/...>."""
import os
import re

from source import files, text_of

ORDER = ["include/gale", "container/base", "container/loop", "container/net", "container/http",
         "container/fastcgi", "container/app", "adapters", "container/process", "container/cli"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(path):
    text = text_of(path)
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2)


def rank(path):
    for index, layer in enumerate(ORDER):
        if path.startswith(layer + "/"):
            return index
    return None


def resolve(path, name):
    """The file of ours that a quoted include names, or None."""
    beside = os.path.join(os.path.dirname(path), name)
    for candidate in (os.path.join("container", name), name, beside):
        if os.path.isfile(candidate):
            return os.path.normpath(candidate)
    return None


def adapter_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else None


def fault(path, kind, name):
    """Why this layer may not include that, or None."""
    if kind == "<":
        return None
    if path.startswith("include/gale/"):
        return "a public header includes <gale/...> and system headers only"
    target = resolve(path, name)
    if target is None:
        return "no such header"
    theirs, mine = rank(target), rank(path)
    if theirs is None or theirs > mine:
        return "%s stands right of %s" % (ORDER[theirs] if theirs is not None else target,
                                          ORDER[mine])
    same_folder = os.path.dirname(target) == os.path.dirname(path)
    if target.endswith("_private.h") and not same_folder:
        return "a private header is for its own folder"
    if path.startswith("adapters/") and target.startswith("adapters/"):
        if adapter_of(path) and adapter_of(target) not in (adapter_of(path), "gateway", None):
            return "an adapter knows no other adapter"
    return None


def check_layers():
    for path in files("include", "container", "adapters"):
        for line, kind, name in includes(path):
            reason = fault(path, kind, name)
            if reason:
                yield "%s:%d: %s: %s" % (path, line, name, reason)


def check_plugins():
    for path in files("plugins", "examples"):
        for line, kind, name in includes(path):
            beside = os.path.join(os.path.dirname(path), name)
            if kind == '"' and not os.path.isfile(beside):
                yield "%s:%d: %s: plugins include <gale/...> only" % (path, line, name)
            if kind == "<" and os.path.isfile(os.path.join("container", name)):
                yield "%s:%d: %s is gale's own" % (path, line, name)


CHECKS = {"layers": check_layers, "plugins-include-gale-only": check_plugins}
