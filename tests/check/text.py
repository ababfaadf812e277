"""The house format, opening comments, and what no file may hold."""
import os
import re
import subprocess

from source import files, text_of, tracked

NOTES = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
MACHINE = re.compile(r"(?<![\w.$)}])/(?:work|home|root|mnt|Users)/")
BINARY = (".png", ".ico", ".jpg", ".gz", ".br", ".zip")


def texts():
    return [path for path in tracked()
            if not path.endswith(BINARY) and not path.startswith("tests/fuzz/corpus/")]


def check_format():
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *files()],
                            capture_output=True, text=True)
    wrong = re.findall(r"^([^:\s]+):\d+:\d+: error:", result.stderr, re.MULTILINE)
    for path in sorted(set(wrong)):
        yield "%s: %d places; run `make format`" % (path, wrong.count(path))
    if result.returncode and not wrong:
        yield result.stderr.strip()


def check_opening():
    """Sources and headers open with their name and idea, tests with what they are about."""
    for path in files("container", "adapters", "include", "plugins"):
        name = re.escape(os.path.basename(path))
        if not re.match(r"/\* (?:gale/)?%s - " % name, text_of(path)):
            yield "%s does not open with `/* %s - idea`" % (path, os.path.basename(path))
    for path in files("tests", "examples", "bench"):
        if not re.match(r"/[*/] ?\S", text_of(path)):
            yield "%s does not open with a comment" % path


def check_notes():
    for path in texts():
        for number, line in enumerate(text_of(path).split("\n"), 1):
            if NOTES.search(line):
                yield "%s:%d: %s" % (path, number, line.strip())


def check_machine_paths():
    for path in texts():
        for number, line in enumerate(text_of(path).split("\n"), 1):
            if MACHINE.search(line) and not path.startswith("docs/"):
                yield "%s:%d: %s" % (path, number, line.strip())


CHECKS = {"format": check_format, "opening-comments": check_opening, "no-notes": check_notes,
          "no-machine-paths": check_machine_paths}
