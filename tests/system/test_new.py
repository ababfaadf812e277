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
        [".gitignore", "Makefile", "README.md", "local.mk", f"shop.{ending}",
         f"shop_test.{ending}"])
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
    assert "compile_commands" not in done.stdout and "local.mk" not in done.stdout
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


def installed(build, prefix):
    """gale as `make install` puts it there, in the PATH of this environment."""
    (prefix / "bin").mkdir(parents=True)
    shutil.copyfile(build / "gale", prefix / "bin" / "gale")
    (prefix / "bin" / "gale").chmod(0o755)
    shutil.copytree(ROOT / "include", prefix / "include")
    return {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}"}


def test_an_installed_gale_leaves_no_path_in_it(build, tmp_path):
    environment = installed(build, tmp_path / "usr")
    assert run("gale", "new", "shop", cwd=tmp_path, env=environment).returncode == 0
    for file in (tmp_path / "shop").iterdir():
        assert str(tmp_path) not in file.read_text() and file.name != "local.mk"
    done = run("make", "test", cwd=tmp_path / "shop", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("takes_local", [True, False])
def test_the_folder_builds_on_another_machine(build, tmp_path, takes_local):
    """By git or copied whole: nobody needs the gale that began it."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "build").mkdir(parents=True)
    shutil.copyfile(build / "gale", here / "build" / "gale")
    (here / "build" / "gale").chmod(0o755)
    shutil.copytree(ROOT / "include", here / "include")
    assert run(here / "build/gale", "new", "shop", cwd=tmp_path).returncode == 0
    assert str(here) in (tmp_path / "shop/local.mk").read_text()
    here.rename(tmp_path / "away")
    if not takes_local:
        (tmp_path / "shop/local.mk").unlink()
    done = run("make", "test", cwd=tmp_path / "shop", env=installed(build, there))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 passed" in done.stdout


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
