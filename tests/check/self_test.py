"""A check that cannot fail is worth nothing: each is run on a tree with a fault for it."""
import os
import re
import shutil
import subprocess
import tempfile

LONG_FUNCTION = "/* long.c - x */\nint f(void);\nint f(void)\n{\n" + "    f();\n" * 60 + "}\n"
DEEP = "/* deep.c - x */\nint f(int a);\nint f(int a)\n{\n" + "".join(
    "    " * depth + "if (a)\n" for depth in range(1, 5)) + "    " * 5 + "a = 1;\n    return a;\n}\n"
CALLS = {"epoll": "epoll_wait(1)", "stack-switch": "coroutine_resume(c)", "sockets": "recv(1)",
         "processes": "execve(0)", "dlopen": "dlsym(0)"}

# check: {file: text}
FAULTS = {
    "layers": {"container/base/up.c": '/* up.c - x */\n#include "loop/low.h"\n',
               "container/loop/low.h": "/* low.h - x */\n"},
    "plugins-include-gale-only": {"plugins/p.c": '/* p.c - x */\n#include "base/str.h"\n'},
    "only-http-parser": {"container/http/other.c": "/* other.c - x */\n#include <http_parser.h>\n"},
    "only-inih": {"container/app/conf.c": "/* conf.c - x */\n#include <ini.h>\n"},
    "only-errno-to-status": {"container/http/map.c": "int f = -ETIMEDOUT ? 504 : 0;\n"},
    "headers-alone": {"container/base/needy.h": "/* needy.h - x */\nsize_t f(void);\n"},
    "public-headers-alone": {"include/gale/modern.h": "/* modern.h - x */\ninline int f(void);\n"},
    "file-sizes": {"container/base/huge.c": "/* huge.c - x */\n" + "int x;\n" * 500},
    "function-sizes": {"container/base/long.c": LONG_FUNCTION},
    "nesting": {"container/base/deep.c": DEEP},
    "unit-tests": {"container/base/alone.c": "/* alone.c - x */\n"},
    "exported-symbols": {"README": "nothing is built here\n"},
    "hardening": {"README": "nothing is built here, either\n"},
    "format": {"container/base/ugly.c": "/* ugly.c - x */\nint  x ;\n"},
    "opening-comments": {"container/base/mute.c": "int x;\n"},
    "no-notes": {"docs/plan.md": "TO" + "DO: all of it\n"},
    "no-machine-paths": {"Makefile": "A := /ho" + "me/me/gale\n"},
}
for rule, call in CALLS.items():
    FAULTS["only-" + rule] = {"container/app/calls.c": "/* calls.c - x */\nint x = %s;\n" % call}

# What must not be taken for a fault, in the same tree as each of them.
INNOCENT = {
    "container/app/fine.c": "/* fine.c - epoll_wait() in a comment, fork() too */\n"
                            "static int send(int x);\n"
                            'const char *text = "recv(";\nint y = a.connect(1) + b->fork(2);\n'
                            "int z = send(1);\n",
    "tests/unit/app/test_other.c": "/* Tests fine.c and calls.c. */\n",
}


def verdicts(tree, check):
    run = subprocess.run([os.path.join(tree, "tests/check/run"), check], capture_output=True,
                         text=True)
    return re.findall(r"^(PASS|FAIL) check (\S+)$", run.stdout, re.MULTILINE), run


def write(tree, path, text):
    os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
        file.write(text)


def run_with(tree, check, fault):
    shutil.copytree("tests/check", os.path.join(tree, "tests/check"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(".clang-format", tree)
    subprocess.run(["git", "init", "-q", tree], check=True)
    for path, text in {**INNOCENT, **fault}.items():
        write(tree, path, text)
    return verdicts(tree, check)


def check_self():
    for check, fault in FAULTS.items():
        with tempfile.TemporaryDirectory() as tree:
            seen, run = run_with(tree, check, fault)
        if seen != [("FAIL", check)]:
            yield "%s does not see its fault: %s%s" % (check, run.stdout, run.stderr)
        elif "fine.c" in run.stdout and check not in ("format",):
            yield "%s complains about what is right: %s" % (check, run.stdout)


CHECKS = {"checks-see-faults": check_self}
