"""The tracked files, and C text without comments and literals."""
import functools
import os
import re
import subprocess

C_ENDINGS = (".c", ".h", ".cpp", ".cc", ".hpp")


@functools.cache
def tracked():
    """Every tracked file that is there, and every new one that is not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True).stdout
    return sorted(path for path in set(listing.splitlines()) if os.path.isfile(path))


def files(*folders, endings=C_ENDINGS):
    """Tracked files below the folders (all without any) that end so."""
    prefixes = tuple(folder + "/" for folder in folders) or ("",)
    return [path for path in tracked() if path.startswith(prefixes) and path.endswith(endings)]


@functools.cache
def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


_LITERAL = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


@functools.cache
def code_of(path):
    """The text with comments and literals blanked; line numbers stay."""
    def blank(match):
        quote = match.group()[0]
        lines = "\n" * match.group().count("\n")
        return quote * 2 + lines if quote in "\"'" else " " + lines
    return _LITERAL.sub(blank, text_of(path))


def code_lines(path):
    """(number, line) pairs of code_of."""
    return enumerate(code_of(path).split("\n"), 1)
