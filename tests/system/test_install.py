"""What comes with gale: configurations, documentation, manual pages, make install."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import WAIT_SECONDS
from person import APP, person  # noqa: F401: a fixture

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["run", "dev", "check", "reload", "rollback", "upgrade", "stop", "status", "new", "test",
            "cgi", "version", "help"]


# ---- files that come with gale ----

def test_full_ini_is_what_the_tables_say(person):
    assert person.gale("document", "ini").stdout == (ROOT / "conf/full.ini").read_text()


def gale_in_tree(build, *arguments):
    return subprocess.run([str(build / "gale"), *arguments], cwd=ROOT, capture_output=True,
                          text=True, timeout=WAIT_SECONDS)


@pytest.mark.parametrize("name", ["conf/full.ini", "conf/gale.ini"])
def test_configurations_that_come_with_gale_are_right(build, name):
    shown = gale_in_tree(build, "check", name)
    assert shown.returncode == 0, shown.stderr


def test_the_configuration_for_a_service_is_right(build):
    shown = gale_in_tree(build, "check", "conf/system.ini")
    assert shown.returncode != 2, shown.stderr


def configuration_blocks():
    text = (ROOT / "docs/configuration.md").read_text()
    return re.findall(r"^```ini\n(.*?)^```", text, re.M | re.S)


TALK = r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state, (void)req, (void)res;
    return 0;
}
static const char *const keys[] = {"greeting", 0};
GALE_PLUGIN(p) { p->name = "talk"; p->serve = serve; p->keys = keys; }
"""


@pytest.mark.parametrize("number", range(len(configuration_blocks())))
def test_documented_configurations_are_right(person, plugin, number):
    text = configuration_blocks()[number]
    shutil.copy2(plugin(TALK), person.folder / "talk.so")
    installed = person.program.parent / "plugins"
    installed.mkdir()
    shutil.copy2(person.folder / "hello.so", installed / "status.so")
    (person.folder / "logs").mkdir()
    for page in ["errors/404.html", "errors/busy.html"]:
        person.write(page, "<p>no</p>")
    person.write("gale.ini", text if "[app " in text else text + APP)
    shown = person.gale("check")
    assert shown.returncode == 0, shown.stderr


def test_documented_mistakes_are_told_like_that(person):
    text = (ROOT / "docs/configuration.md").read_text()
    block = re.search(r"^```text\n(gale\.ini:.*?)^```", text, re.M | re.S).group(1)
    person.write("gale.ini", "[server]\n\nworker = 2\n" + APP + "\n\nmax_body = 10 MB\n")
    shown = person.gale("check").stderr
    assert shown == block + "gale check: gale.ini has 2 mistakes\n"


def test_the_changelog_begins_with_this_version(build):
    newest = re.search(r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert gale_in_tree(build, "version").stdout.startswith(f"gale {newest.group(1)} ")


# ---- manual pages and make install ----

def test_the_manual_names_every_command_and_option(person):
    page = (ROOT / "docs/man/gale.1").read_text()
    assert re.findall(r"^\.Nm\n\.Cm (\w+)", page, re.M) == COMMANDS
    assert re.findall(r"^\.It (\d)$", page, re.M) == ["0", "1", "2", "3", "4"]
    for command in COMMANDS:
        item = re.search(rf"^\.It Cm {command}\b(.*?)^\.(?:It Cm|El)", page, re.M | re.S).group(1)
        for option in re.findall(r"--([a-z]+)", person.gale("help", command).stdout.split("\n")[0]):
            assert f"Fl -{option}" in item, (command, option)


def test_the_manual_names_every_function():
    headers = "".join(path.read_text() for path in (ROOT / "include/gale").glob("*.h"))
    functions = re.findall(r"GALE_API[^;()]*?\b(gale_\w+)\(", headers)
    page = (ROOT / "docs/man/gale_plugin.3").read_text()
    assert sorted(re.findall(r"^\.It Fn (gale_\w+)", page, re.M)) == sorted(functions)


def make(build, *arguments):
    variant = [f"VARIANT={build.name}"] if build.name != "build" else []
    shown = subprocess.run(["make", "--no-print-directory", *variant, *arguments], cwd=ROOT,
                           capture_output=True, text=True, timeout=100)
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.fixture
def installed(build, tmp_path):
    """The folder that gale is installed in, as a package would be made of it."""
    make(build, "install", f"DESTDIR={tmp_path}", "PREFIX=/opt/gale")
    return tmp_path / "opt/gale"


def test_manual_pages_are_well_formed(installed):
    pages = [installed / "share/man/man1/gale.1", installed / "share/man/man3/gale_plugin.3",
             installed / "share/man/man5/gale.ini.5"]
    assert "@" not in pages[2].read_text()
    if not shutil.which("mandoc"):
        pytest.fail("mandoc is not installed; make test-deps")
    shown = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True,
                           text=True)
    assert shown.stdout + shown.stderr == "" and shown.returncode == 0


def test_install_puts_everything_in_place(installed):
    for name in ["bin/gale", "include/gale/gale.h", "lib/pkgconfig/gale.pc",
                 "lib/systemd/system/gale.service", "share/doc/gale/README.md",
                 "share/doc/gale/full.ini", "share/doc/gale/system.ini",
                 "share/doc/gale/configuration.md",
                 "share/doc/gale/examples/plugins/hello/Makefile"]:
        assert (installed / name).is_file(), name
    service = (installed / "lib/systemd/system/gale.service").read_text()
    assert "ExecStart=/opt/gale/bin/gale run" in service and "@" not in service
    assert "Type=notify" in service
    headers = {path.name for path in (ROOT / "include/gale").iterdir()}
    assert {path.name for path in (installed / "include/gale").iterdir()} == headers


def test_an_installed_gale_is_enough_to_build_and_serve_a_plugin(installed, tmp_path, gale):
    source = tmp_path / "elsewhere"
    shutil.copytree(installed / "share/doc/gale/examples/plugins/hello", source)
    env = {**os.environ, "PKG_CONFIG_PATH": str(installed / "lib/pkgconfig"),
           "PKG_CONFIG_SYSROOT_DIR": str(tmp_path)}
    subprocess.run(["make", "-C", str(source)], env=env, check=True, capture_output=True)
    shutil.copy2(source / "hello.so", installed / "lib/gale/plugins/greet.so")
    g = gale("[app a]\nmount = /\nplugin = greet\n", wait=False)
    g.finish()
    g.build = installed / "bin"
    g.start()
    g.wait_until_serving()
    assert g.get("/?name=you").text == "hello, you\n"


def test_uninstall_leaves_nothing(build, installed, tmp_path):
    make(build, "uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/gale")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
