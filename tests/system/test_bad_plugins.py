"""What a plugin's file may be instead of a plugin: under load each one is refused with a sentence
that helps, and nothing else changes."""
import os
import random
import re
import shutil
import socket
import subprocess

import pytest

from conftest import HELLO, ROOT
from harness import wait_for
from test_crash import gale  # noqa: F401: fixture
from test_handover import Kept

OPEN = HELLO.replace("p->serve = serve;", "p->serve = serve; p->open = open_it;").replace(
    "GALE_PLUGIN", "static int open_it(struct gale_app *app, void **out_state)\n"
    "{ (void)app; (void)out_state; %s; return 0; }\nGALE_PLUGIN")
CONSTRUCTOR = """#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void construct(void) { %s; }
"""
DEEP = """static int deep(int n)
{ volatile char room[4096]; room[0] = (char)n; return deep(n + 1) + room[0]; }
__attribute__((constructor)) static void construct(void) { deep(0); }
"""

# C texts and what is said of them
TEXTS = {
    "no plugin": ("int nothing;", "is a shared object but no plugin of gale"),
    "no serve": ('#include <gale/gale.h>\nGALE_PLUGIN(p) { p->name = "x"; }', "has no serve"),
    "describing crashes": ("#include <gale/gale.h>\nGALE_PLUGIN(p) { p->name = 0; "
                           "*(volatile int *)0 = 1; }", "at gale_plugin_describe"),
    "constructor exits": (HELLO + CONSTRUCTOR % "exit(0)", "exited with code 0"),
    "constructor leaves": (HELLO + CONSTRUCTOR % "_exit(0)", "exited with code 0"),
    "constructor hangs": (HELLO + CONSTRUCTOR % "for (;;) pause()", "within start_timeout"),
    "constructor closes all": (HELLO + CONSTRUCTOR % "closefrom(0)", "exited with code 1"),
    "constructor kills itself": (HELLO + CONSTRUCTOR % "kill(getpid(), 9)", "by SIGKILL"),
    "constructor recurses": (HELLO + DEEP, "the app it, at deep"),
    "open traps": (OPEN % "__builtin_trap()", "at open_it"),
}


def compiled(folder, text, to, *more):
    source = folder / "bad.c"
    source.write_text(text if "<signal.h>" in text else "#include <signal.h>\n" + text)
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-w", f"-I{ROOT}/include", "-o", to,
                    source, *more], check=True)


def changed(data, at, value):
    data = bytearray(data)
    data[at] = value
    return bytes(data)


def make_needy(folder, path):
    """Needs a library that has gone."""
    library = folder / "libgone.so"
    compiled(folder, "int gone(void) { return 1; }", library)
    compiled(folder, HELLO + "int gone(void); int user(void) { return gone(); }", path,
             f"-L{folder}", "-lgone")
    library.unlink()


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


def make_large(path, data):
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(1 << 33)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


@pytest.fixture
def served(gale, hello, tmp_path):
    """A gale that serves tmp_path/app.so, which tests replace."""
    path = tmp_path / "app.so"
    shutil.copy(hello, path)
    g = gale(f"[app it]\nmount = /\nplugin = {path}\n", workers=2, start_timeout="1500ms")
    g.plugin = path
    return g


def test_each_is_refused_with_a_sentence(served, build, hello, tmp_path):
    g, path, data = served, served.plugin, hello.read_bytes()
    kinds = {
        "pipe": (lambda: os.mkfifo(path), "is not a file"),
        "folder": (path.mkdir, "is not a file"),
        "device": (lambda: path.symlink_to("/dev/zero"), "is not a file"),
        "itself": (lambda: path.symlink_to(path), "cannot be opened (ELOOP)"),
        "socket": (lambda: make_socket(path), "cannot be opened (ENXIO)"),
        "nowhere": (lambda: path.symlink_to("/nowhere"), "does not exist"),
        "large": (lambda: make_large(path, data), "is larger than 2 GiB"),
        "program": (lambda: shutil.copy(build / "gale", path), "is a program"),
        "machine": (lambda: path.write_bytes(changed(data, 18, 40)), "is built for"),
        "32 bits": (lambda: path.write_bytes(changed(data, 4, 1)), "is built for 32 bits"),
        "library": (lambda: make_needy(tmp_path, path), "libgone.so"),
        **{name: (lambda text=text: compiled(tmp_path, text, path), says)
           for name, (text, says) in TEXTS.items()},
    }
    before = [w["pid"] for w in g.workers()]
    kept = Kept(g, 8, threads=2)
    for name, (make, says) in kinds.items():
        remove(path)
        make()
        answer = g.reload()
        assert answer.status == 409, name
        assert says in answer.json()["text"], (name, answer.json()["text"])
        assert "/copies-" not in answer.json()["text"], (name, answer.json()["text"])
    assert [w["pid"] for w in g.workers()] == before
    wait_for(lambda: len(g.members()) == 2, "what was started to end")
    assert kept.stop() == []
    remove(path)
    shutil.copy(hello, path)
    assert g.reload().status == 200 and g.get().text == "hello\n"


def test_mutants(served, hello):
    """Files with a few wrong bytes: whatever they do, they do to the canary."""
    g, data, dice = served, hello.read_bytes(), random.Random(11)
    answers = set()
    for _ in range(20):
        mutant = bytearray(data)
        for _ in range(dice.choice([1, 3, 30])):
            at = dice.randrange(min(dice.choice([64, 1000, 4096]), len(mutant)))
            mutant[at] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
        fresh = g.plugin.with_suffix(".new")
        fresh.write_bytes(mutant)
        fresh.rename(g.plugin)
        answer = g.reload()
        assert answer.status in (200, 409)
        assert answer.status == 200 or re.search(r"[a-z]{3}", answer.json()["text"])
        answers.add(answer.status)
    assert answers == {200, 409}
    shutil.copy(hello, g.plugin)
    assert g.reload().status == 200
    wait_for(lambda: g.get().text == "hello\n", "the plugin")
