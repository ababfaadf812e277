"""Every source has a unit test: tests/unit/LAYER/test_x.c for LAYER/x.c.

One test file may stand for several sources: its opening comment then names them (x.c).
"""
import os
import re

from source import files, text_of

EXEMPT = {"container/process/master.c", "container/cli/main.c"}


def opening_comment(path):
    match = re.match(r"/\*.*?\*/", text_of(path), re.DOTALL)
    return match.group() if match else ""


def check_unit_tests():
    tests = files("tests/unit", endings=(".c",))
    for path in files("container", "adapters", endings=(".c",)):
        folder, name = os.path.split(path)
        folder = "tests/unit/" + folder.replace("container/", "", 1)
        test = "%s/test_%s" % (folder, name)
        covered = any(os.path.dirname(other) == folder and
                      re.search(r"\b%s\b" % re.escape(name), opening_comment(other))
                      for other in tests)
        if path not in EXEMPT and test not in tests and not covered:
            yield "%s has no %s" % (path, test)


CHECKS = {"unit-tests": check_unit_tests}
