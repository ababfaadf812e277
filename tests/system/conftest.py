"""What every system test shares: a running gale, and clients that speak raw bytes to it.

    def test_hello(gale, plugin):
        g = gale(f"[app a]\nmount = /\nplugin = {plugin(HELLO)}", workers=2)
        assert g.get("/").status == 200

`gale(apps, **server)` writes a configuration into the test's folder, keyword arguments being keys
of [server], starts BUILD/gale run and returns once it serves. When the test ends, gale is stopped,
and the test fails if a sanitizer reported anything, if gale had to be killed, or if a process of
its session is still there. Nothing here waits for a time; everything waits for a condition.
"""
import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness import Gale

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
TEST_SECONDS = 120


# ---- one line a test ----

def _name(report):
    return f"system {os.environ.get('BUILD', 'build')} {report.nodeid}"


def pytest_report_teststatus(report):
    return report.outcome, "", ""


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    config.pluginmanager.register(Lines(reporter), "lines")


class Lines:
    """Prints PASS or FAIL once a test, whatever phase decided it."""

    def __init__(self, reporter):
        self.reporter = reporter
        self.failed = set()

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.reporter.write_line(f"SKIP {_name(report)}")
            self.failed.add(report.nodeid)
        elif report.failed and report.nodeid not in self.failed:
            self.failed.add(report.nodeid)
            self.reporter.write_line(f"FAIL {_name(report)}")
        elif report.when == "teardown" and report.nodeid not in self.failed:
            self.reporter.write_line(f"PASS {_name(report)}")

    def pytest_collectreport(self, report):
        if report.failed:
            self.reporter.write_line(f"FAIL {_name(report)}")


# ---- limits ----

@pytest.fixture(autouse=True)
def time_limit():
    def expire(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")
    old = signal.signal(signal.SIGALRM, expire)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


# ---- gale ----

@pytest.fixture(scope="session", autouse=True)
def folders_that_others_may_enter(tmp_path_factory):
    tmp_path_factory.getbasetemp().chmod(0o755)


@pytest.fixture
def gale(tmp_path):
    """A factory of running gales; see the top of this file."""
    running = []

    def start(apps="", *, wait=True, args=None, env=None, name="gale", launcher=(), fd3=None,
              **server):
        g = Gale(BUILD, tmp_path, name)
        g.configure(apps, **server)
        running.append(g)
        g.start(args=args, env=env, launcher=launcher, fd3=fd3)
        if wait:
            g.wait_until_serving()
        return g

    yield start
    problems = []
    for g in reversed(running):
        problems += g.finish()
    assert not problems, "\n".join(problems)


@pytest.fixture(autouse=True)
def tidy(tmp_path):
    """Removes the test's folder when the test is over: /tmp may be small."""
    yield
    if not os.environ.get("GALE_KEEP"):
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """plugin(source) compiles C text into a .so (once a session) and returns its path;
    plugin(source, name="x.so", flags=[...]) puts it where the test says."""
    folder = tmp_path_factory.mktemp("plugins")
    folder.chmod(0o755)

    def build(source, to=None, flags=()):
        key = hashlib.sha256(("\0".join([source, *flags])).encode()).hexdigest()[:16]
        made = folder / f"{key}.so"
        if not made.exists():
            text = folder / f"{key}.c"
            text.write_text(source)
            subprocess.run(["cc", "-shared", "-fPIC", "-g", "-Wall", "-Wextra", "-Werror",
                            f"-I{ROOT}/include", *flags, "-o", str(made), str(text)], check=True)
        if to is None:
            return made
        to = Path(to)
        fresh = to.with_name(to.name + ".new")
        shutil.copyfile(made, fresh)
        fresh.chmod(0o755)
        fresh.rename(to)
        return to

    return build


HELLO = r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    (void)req;
    return gale_reply(res, 200, "text/plain", "hello\n");
}
GALE_PLUGIN(p) { p->name = "hello"; p->serve = serve; }
"""


@pytest.fixture(scope="session")
def hello(plugin):
    """The path of a plugin that answers "hello"."""
    return plugin(HELLO)


@pytest.fixture(scope="session")
def build():
    return BUILD
