"""Functions of at most 60 lines, files of at most 500, control statements at most 3 deep.

An exception carries its reason: a comment `Long because ...` at the head of the file or in or
above the function. The house format is what makes counting easy: a function's braces stand alone
at the start of a line, and indentation is depth.
"""
import re

from source import code_of, files, text_of

FILE_LINES, FUNCTION_LINES, DEPTH = 500, 60, 3
REASON = "Long because"
CONTROL = re.compile(r"^( *)(?:\} )?(?:if|else|for|while|do|switch|\w+_each)\b")


def functions(path):
    """(name, first line, last line) of each function, lines from 1, braces included."""
    lines = code_of(path).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif start and line.startswith("}"):
            yield name_of(lines, start), start, number
            start = None


def name_of(lines, brace):
    """The name in front of the arguments, which may go over several lines."""
    for line in reversed(lines[max(0, brace - 6):brace - 1]):
        match = re.match(r"\S.*?\b(\w+)\(", line)
        if match:
            return match.group(1)
    return "?"


def has_reason(lines, start, end):
    return any(REASON in line for line in lines[max(0, start - 8):end])


def check_files():
    for path in files(endings=(".c", ".h", ".hpp", ".cpp", ".py", ".sh", ".S")):
        lines = text_of(path).split("\n")
        if len(lines) - 1 > FILE_LINES and not has_reason(lines, 0, 15):
            yield "%s has %d lines" % (path, len(lines) - 1)


def check_functions():
    for path in files("container", "adapters", "plugins", "examples", "include"):
        lines = text_of(path).split("\n")
        for name, start, end in functions(path):
            if end - start + 1 > FUNCTION_LINES and not has_reason(lines, start, end):
                yield "%s:%d: %s has %d lines" % (path, start, name, end - start + 1)


def check_depth():
    for path in files("container", "adapters", "plugins", "examples", "include"):
        lines = code_of(path).split("\n")
        for name, start, end in functions(path):
            for number in range(start, end):
                match = CONTROL.match(lines[number])
                if match and len(match.group(1)) // 4 > DEPTH:
                    yield "%s:%d: %s nests deeper than %d" % (path, number + 1, name, DEPTH)


CHECKS = {"file-sizes": check_files, "function-sizes": check_functions, "nesting": check_depth}
