"""gale new: from nothing to a plugin that serves, as whoever tries gale for the first time."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Connection, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd, **options):
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True,
                          timeout=120, **options)


@pytest.mark.parametrize("language,ending", [(None, "c"), ("c", "c"), ("c++", "cc")])
def test_it_builds_passes_its_tests_and_serves(build, tmp_path, language, ending):
    gale = (build / "gale").resolve()
    done = run(gale, "new", "shop", *(["--lang", language] if language else []), cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "" and "make test" in done.stdout
    folder = tmp_path / "shop"
    assert sorted(os.listdir(folder)) == sorted(
        [".gitignore", "Makefile", "README.md", f"shop.{ending}", f"shop_test.{ending}"])
    done = run("make", "test", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 passed" in done.stdout and "warning" not in done.stderr
    # editors
    entries = json.loads((folder / "compile_commands.json").read_text())
    assert [e["file"] for e in entries] == [f"shop.{ending}", f"shop_test.{ending}"]
    for entry in entries:
        assert entry["directory"] == str(folder)
        assert run("sh", "-c", entry["command"] + " -o /dev/null", cwd=folder).returncode == 0
    # nothing that is built is taken for a source
    run("git", "init", "-q", ".", cwd=folder)
    done = run("git", "status", "--short", "--untracked-files=all", cwd=folder)
    assert "so" not in [line.rsplit(".", 1)[-1] for line in done.stdout.splitlines()]
    assert "compile_commands" not in done.stdout
    # and it runs
    port = free_port()
    process = subprocess.Popen([str(gale), "run", "shop.so", "--listen", f"127.0.0.1:{port}",
                                "--control", str(tmp_path / "control")], cwd=folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def answer():
            try:
                with Connection(("127.0.0.1", port)) as c:
                    return c.request("GET", "/?name=Zo%C3%AB", {"Connection": "close"})
            except ConnectionError:
                return None
        assert "<h1>Hello, Zoë</h1>" in wait_for(answer, "gale run").text
    finally:
        process.terminate()
        process.wait(30)


def test_a_change_is_built_and_a_broken_test_seen(build, tmp_path):
    run((build / "gale").resolve(), "new", "shop", cwd=tmp_path)
    source = tmp_path / "shop" / "shop.c"
    assert run("make", "test", cwd=source.parent).returncode == 0
    source.write_text(source.read_text().replace('"greeting", "Hello"', '"greeting", "Bye"'))
    done = run("make", "test", cwd=source.parent)
    assert done.returncode != 0 and "FAIL  greets the world" in done.stdout


@pytest.mark.parametrize("arguments,says", [
    ([], "gale new NAME"),
    (["Shop"], "'Shop' is no name for a plugin"),
    (["a/b c"], "'b c' is no name for a plugin"),
    (["x" * 41], "is no name for a plugin"),
    (["shop", "--lang", "rust"], "there are templates for c and c++"),
    (["none/shop"], "No such file or directory"),
    (["there"], "it is there already; choose another name"),
])
def test_what_is_wrong_is_said(build, tmp_path, arguments, says):
    (tmp_path / "there").mkdir()
    done = run((build / "gale").resolve(), "new", *arguments, cwd=tmp_path)
    assert done.returncode in (1, 2) and says in done.stderr and done.stdout == ""
    assert os.listdir(tmp_path / "there") == [] and not (tmp_path / "shop").exists()


def test_an_installed_gale_leaves_no_path_in_it(build, tmp_path):
    prefix = tmp_path / "usr"
    (prefix / "bin").mkdir(parents=True)
    shutil.copyfile(build / "gale", prefix / "bin" / "gale")
    (prefix / "bin" / "gale").chmod(0o755)
    shutil.copytree(ROOT / "include", prefix / "include")
    assert run(prefix / "bin/gale", "new", "shop", cwd=tmp_path).returncode == 0
    makefile = (tmp_path / "shop" / "Makefile").read_text()
    assert "GALE ?= gale\n" in makefile and "pkg-config --cflags gale" in makefile
    environment = {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}"}
    done = run("make", "test", cwd=tmp_path / "shop", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_path_with_a_blank(build, tmp_path):
    folder = tmp_path / "my gale"
    (folder / "build").mkdir(parents=True)
    shutil.copyfile(build / "gale", folder / "build" / "gale")
    (folder / "build" / "gale").chmod(0o755)
    shutil.copytree(ROOT / "include", folder / "include")
    assert run(folder / "build/gale", "new", "shop", cwd=tmp_path).returncode == 0
    done = run("make", "test", cwd=tmp_path / "shop")
    assert done.returncode == 0, done.stdout + done.stderr
    json.loads((tmp_path / "shop" / "compile_commands.json").read_text())
