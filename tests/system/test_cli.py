"""The command line: help, exit codes, colours; running, finding and stopping instances."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness import WAIT_SECONDS, Connection, free_port, wait_for
from person import APP, get, person  # noqa: F401: a fixture

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["run", "dev", "check", "reload", "rollback", "upgrade", "stop", "status", "new", "test",
            "cgi", "version", "help"]


# ---- help and the command line ----

def test_help_lists_the_commands_that_exist(person):
    shown = person.gale("help")
    assert shown.returncode == 0 and shown.stderr == ""
    assert re.findall(r"^  (\w+) ", shown.stdout, re.M) == COMMANDS
    for word in ["worker", "document"]:
        assert not re.search(rf"^  {word}\b", shown.stdout, re.M)
    assert person.gale("--help").stdout == shown.stdout == person.gale("-h").stdout


def test_no_command_shows_the_help_and_is_wrong(person):
    shown = person.gale()
    assert shown.returncode == 2 and shown.stdout == ""
    assert shown.stderr == person.gale("help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_teaches(person, command):
    shown = person.gale("help", command)
    assert shown.returncode == 0 and shown.stderr == ""
    assert shown.stdout.startswith(f"usage: gale {command}")
    assert "exit codes: 0 done" in shown.stdout
    assert ("3 an address" in shown.stdout) == (command in ["run", "dev"])
    assert ("4 no such instance" in shown.stdout) == (
        command in ["reload", "rollback", "upgrade", "stop", "status"])
    assert max(map(len, shown.stdout.splitlines())) <= 90
    assert person.gale(command, "--help").stdout == shown.stdout
    for option in re.findall(r"--[a-z]+", shown.stdout.splitlines()[0]):
        assert re.search(rf"^  {option}\b", shown.stdout, re.M), option


WRONG_LINES = [
    (["relaod"], "gale: there is no command 'relaod'; did you mean 'reload'?\n"),
    (["stat"], "gale: there is no command 'stat'\n"),
    (["hello.so"], "gale: 'hello.so' is no command; did you mean 'gale run hello.so'?\n"),
    (["hello.c"], "gale: 'hello.c' is no command; did you mean 'gale dev hello.c'?\n"),
    (["test", "none.so"], "gale test: none.so: No such file or directory; build the plugin, and "
                          "name the .so that comes of it\n"),
    (["test", "hello.so"], "gale test: hello_test.so: No such file or directory; build the tests "
                           "there, or name them: gale test PLUGIN.so TESTS.so\n"),
    (["status", "--jsn"], "gale status: there is no option --jsn; did you mean --json?\n"),
    (["status", "-j"], "gale status: there is no option -j; there is --json, --control\n"),
    (["version", "--all"], "gale version: there is no option --all, and no other\n"),
    (["check", "a", "b"], "gale check: 'b' is one argument too many\n"),
    (["run", "--listen"], "gale run: --listen wants a value: --listen ADDR\n"),
    (["status", "--json=yes"], "gale status: --json takes no value\n"),
    (["stop", "--quick", "--graceful"], "gale stop: --graceful or --quick, not both\n"),
    (["status", "a", "--control", "b"], "gale status: name CONF or --control PATH, not both\n"),
    (["status", "none.ini"], "gale status: there is no file none.ini\n"),
    (["help", "max_bdy"],
     "gale help: 'max_bdy' is neither a command nor a key; did you mean 'max_body'?\n"),
    (["run", "none.so"],
     "gale run: none.so: No such file or directory; build the plugin first, or correct its path\n"),
    (["run", "hello.so", "--listen", "80"],
     "gale run: --listen 80: that is no address; write *:80 or 127.0.0.1:80\n"),
    (["run", "hello.so", "--listen", "*:x"],
     "gale run: --listen *:x: that is no address; expected ADDRESS:PORT such as 127.0.0.1:8080, "
     "*:80 or [::1]:8080, or unix:PATH\n"),
    (["run"], "gale run: there is no gale.ini and no conf/gale.ini in this folder; name a "
              "configuration: gale run FILE.ini\n"),
    (["check"], "gale check: there is no gale.ini and no conf/gale.ini in this folder; name a "
                "configuration: gale check FILE.ini\n"),
    (["run", "none.ini"], "none.ini: cannot be read: No such file or directory\n"),
]


@pytest.mark.parametrize("arguments, said", WRONG_LINES, ids=[" ".join(c[0]) for c in WRONG_LINES])
def test_wrong_command_lines(person, arguments, said):
    shown = person.gale(*arguments)
    assert shown.stderr[:len(said)] == said
    assert shown.returncode == 2 and shown.stdout == ""


def test_a_worker_is_not_for_people(person):
    assert person.gale("worker").returncode == 2


def test_version(person):
    shown = person.gale("version")
    version = re.search(r'"(.*)"', (ROOT / "container/base/version.h").read_text()).group(1)
    assert shown.stdout == f"gale {version} (plugin interface 1)\n"
    assert person.gale("--version").stdout == shown.stdout


def test_output_that_is_lost_is_a_failure(person):
    with open("/dev/full", "w") as full:
        shown = subprocess.run([str(person.program), "help"], stdout=full, stderr=subprocess.PIPE,
                               text=True, timeout=WAIT_SECONDS)
    assert shown.returncode == 1
    assert shown.stderr == "gale: cannot write to standard output: No space left on device\n"


# ---- colour ----

def on_terminal(person, *arguments, **env):
    """What a command prints on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(person.program), *arguments], cwd=person.folder, stdout=slave,
                               stderr=slave, stdin=subprocess.DEVNULL,
                               env=person.environment(**env), **person.as_user)
    os.close(slave)
    text = read_terminal(master, lambda seen: False)
    process.wait(WAIT_SECONDS)
    os.close(master)
    return text


def read_terminal(master, is_enough):
    text = ""
    while not is_enough(text):
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not data:
            break
        text += data.decode().replace("\r\n", "\n")
    return text


def test_colour_is_for_terminals_that_want_it(person):
    plain = person.gale("help", "run").stdout
    coloured = on_terminal(person, "help", "run")
    assert "\033[1m" in coloured and "\033" not in plain
    assert re.sub(r"\033\[\d+m", "", coloured) == plain
    assert on_terminal(person, "help", "run", NO_COLOR="1") == plain
    assert on_terminal(person, "help", "run", TERM="dumb") == plain
    assert on_terminal(person, "help", "run", NO_COLOR="") == coloured


# ---- gale run ----

def test_run_of_a_plugin_needs_no_configuration(person):
    port = free_port()
    process = person.start("run", "hello.so", "--listen", f"127.0.0.1:{port}")
    person.wait_for_port(port, process)
    assert get(port) == get(port, "/any/path") == "hello\n"
    shown = person.gale("status")
    assert shown.returncode == 0 and " with hello.so\n" in shown.stdout
    assert f"listens  127.0.0.1:{port}\n" in shown.stdout
    assert person.gale("stop", "hello.so").returncode == 0
    assert process.wait(WAIT_SECONDS) == 0


def test_run_listens_where_it_is_told(person):
    ports = [free_port(), free_port()]
    unused = person.configure("g.ini")
    process = person.start("run", "g.ini", f"--listen=127.0.0.1:{ports[0]}",
                           "--listen", f"127.0.0.1:{ports[1]}")
    for port in ports:
        person.wait_for_port(port, process)
    assert get(unused) is None


def test_a_socket_that_may_not_be_made_there(person):
    locked = person.folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    shown = person.gale("run", "hello.so", "--listen", f"unix:{locked}/x.sock")
    assert shown.returncode == 3 and shown.stdout == ""
    assert f"unix:{locked}/x.sock: no permission to make this socket: check its folder" in shown.stderr


def test_run_of_what_is_no_plugin(person):
    person.write("hello.c", "int main(void) { return 0; } /* and so on, and so on, for long */\n")
    shown = person.gale("run", "hello.c")
    assert shown.returncode == 2
    assert shown.stderr == (f"gale run: {person.folder}/hello.c is source code; compile it: cc "
                            "-shared -fPIC -o PLUGIN.so SOURCE\n")


def test_run_of_a_wrong_configuration(person):
    person.write("g.ini", "[server]\nworker = 2\n" + APP)
    shown = person.gale("run", "g.ini")
    assert shown.returncode == 2
    assert "g.ini:2: 'worker' is not a key" in shown.stderr


def test_run_on_a_port_that_is_taken(person):
    _, port = person.serve("one.ini")
    person.configure("two.ini", listen=f"127.0.0.1:{port}")
    shown = person.gale("run", "two.ini")
    assert shown.returncode == 3
    assert f"127.0.0.1:{port}" in shown.stderr


def test_run_of_a_configuration_that_is_served(person):
    process, _ = person.serve("one.ini")
    shown = person.gale("run", "one.ini", "--listen", f"127.0.0.1:{free_port()}")
    assert shown.returncode == 3
    assert f"served already, by pid {process.pid}" in shown.stderr


def test_run_greets_on_a_terminal(person):
    master, slave = pty.openpty()
    port = person.configure("g.ini", workers=2)
    process = person.start("run", "g.ini", stderr=slave, NO_COLOR="1")
    os.close(slave)
    text = read_terminal(master, lambda seen: "gale stop\n" in seen)
    assert f" serves g.ini with 2 workers\n\n  http://127.0.0.1:{port}\n" in text
    assert "  hello  /  plugin  hello.so\n" in text
    assert f"  try     curl http://127.0.0.1:{port}/\n" in text
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_SECONDS) == 0
    os.close(master)


def test_run_logs_where_there_is_no_terminal(person):
    person.configure("gale.ini")
    process = person.start("run")
    wait_for(lambda: "msg=serving" in process.log.read_text(), "the log to say it")
    text = process.log.read_text()
    assert all(line.startswith("time=") for line in text.splitlines())
    assert "config=gale.ini" in text


# ---- which instance ----

def test_no_instance(person):
    for command in ["status", "reload", "stop"]:
        shown = person.gale(command)
        assert shown.returncode == 4 and shown.stdout == ""
        assert shown.stderr.startswith(f"gale {command}: no gale of yours runs (looked in "
                                       f"{person.folder}/run/gale); 'gale run' starts one")
        shown = person.gale(command, "--control", "no.sock")
        assert shown.returncode == 4
        assert shown.stderr == f"gale {command}: no gale answers at no.sock\n"
        person.configure("g.ini")
        shown = person.gale(command, "g.ini")
        assert shown.returncode == 4
        assert shown.stderr.startswith(f"gale {command}: no gale runs with g.ini (nobody answers")


def test_several_instances_are_told_apart(person):
    one, _ = person.serve("one.ini")
    two, port = person.serve("two.ini")
    for command in ["status", "reload", "stop"]:
        shown = person.gale(command)
        assert shown.returncode == 4 and shown.stdout == ""
        lines = shown.stderr.splitlines()
        assert lines[0] == (f"gale {command}: 2 instances run; say which one, by CONF or by "
                            "--control:")
        found = {line.split()[0]: line.split() for line in lines[1:]}
        assert found["one.ini"][2] == str(one.pid) and found["two.ini"][2] == str(two.pid)
    control = found["one.ini"][4]
    assert " with one.ini\n" in person.gale("status", "--control", control).stdout
    assert " with two.ini\n" in person.gale("status", "./two.ini").stdout
    shown = person.gale("stop", "one.ini")
    assert shown.returncode == 0 and shown.stdout == f"pid {one.pid} has ended\n"
    assert one.wait(WAIT_SECONDS) == 0
    assert " with two.ini\n" in person.gale("status").stdout
    assert get(port) == "hello\n"


def test_a_control_socket_of_its_own(person):
    process, _ = person.serve("g.ini", control="my.sock")
    assert person.gale("status").returncode == 4
    assert person.gale("status", "g.ini").returncode == 0
    assert person.gale("reload", "--control", "my.sock").returncode == 0
    person.write("g.ini", "[server]\ncontrol = my.sock\nthis is wrong\n")
    assert person.gale("reload", "g.ini").returncode == 1
    assert person.gale("stop", "g.ini").returncode == 0
    assert process.wait(WAIT_SECONDS) == 0


def test_a_control_socket_of_somebody_else(person):
    person.write("mail.sock", "")
    shown = person.gale("status", "--control", "mail.sock")
    assert shown.returncode == 4


# ---- status, reload, stop ----

def test_status_is_a_page(person):
    process, port = person.serve("g.ini", workers=2)
    text = person.gale("status").stdout
    assert re.fullmatch(
        r"gale \S+ with g\.ini\n\n"
        r"  state    serving\n"
        r"  up       \d+ s\n"
        rf"  pid      {process.pid}\n"
        rf"  listens  127\.0\.0\.1:{port}\n"
        r"  control  \S+\.sock\n\n"
        r"  app    mount  adapter  serves with\n"
        r"  hello  /      plugin   hello\n\n"
        r"  generation  worker  pid +state +up +restarts  busy with\n"
        r"  1 serving   0       \d+ +serving +\d+ s +0\n"
        r"              1       \d+ +serving +\d+ s +0\n", text), text
    assert "\033[32mserving" in on_terminal(person, "status")


def test_status_for_programs(person):
    process, _ = person.serve("g.ini")
    status = json.loads(person.gale("status", "--json").stdout)
    assert status["pid"] == process.pid and status["state"] == "serving"


def test_reload_takes_the_new_plugin(person, plugin):
    _, port = person.serve("g.ini")
    made = plugin((ROOT / "examples/plugins/hello/hello.c").read_text())
    shutil.copy2(made, person.folder / "new.so")
    (person.folder / "new.so").rename(person.folder / "hello.so")
    shown = person.gale("reload")
    assert shown.returncode == 0 and shown.stderr == ""
    assert re.fullmatch(r"generation 2 serves, after \d+ ms\n", shown.stdout)
    assert get(port, "/?name=you") == "hello, you\n"


def test_reload_that_is_refused_changes_nothing(person):
    _, port = person.serve("g.ini")
    text = (person.folder / "g.ini").read_text()
    person.write("g.ini", text.replace("workers", "wokers"))
    shown = person.gale("reload")
    assert shown.returncode == 1 and shown.stdout == ""
    assert shown.stderr == ("g.ini:3: 'wokers' is not a key of this section; did you mean "
                            "'workers'?\nthe reload is refused; generation 1 serves on\n")
    assert get(port) == "hello\n"
    page = person.gale("status").stdout
    assert re.search(r"\nThe last reload was refused \d+ s ago:\n  g\.ini:3: 'wokers'", page)
    person.write("g.ini", text)
    assert person.gale("reload").returncode == 0
    assert "refused" not in person.gale("status").stdout


SLOW = r"""
#include <gale/gale.h>
#include <unistd.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const char *file = gale_request_query(req, "file", "");
    (void)state;
    gale_log(gale_request_app(req), GALE_INFO, "waits for %s", file);
    while (*file && access(file, F_OK) != 0)
        if (gale_sleep(10) < 0)
            return 503;
    return gale_reply(res, 200, "text/plain", "late\n");
}
GALE_PLUGIN(p) { p->name = "slow"; p->serve = serve; }
"""


def test_a_graceful_stop_waits_for_requests(person, plugin):
    shutil.copy2(plugin(SLOW), person.folder / "hello.so")
    process, port = person.serve("g.ini")
    with Connection(("127.0.0.1", port)) as client:
        client.send(f"GET /?file={person.folder}/go HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: "waits for /" in process.log.read_text(), "the request to be served")
        stopping = person.start("stop", "--graceful")
        wait_for(lambda: "stopping" in process.log.read_text(), "gale to stop")
        assert stopping.poll() is None
        person.write("go", "")
        assert client.response().text == "late\n"
    assert stopping.wait(WAIT_SECONDS) == 0
    assert process.wait(WAIT_SECONDS) == 0


def test_a_plugin_alone_that_does_not_open(person, plugin):
    """It has no line of a configuration, and whoever sits at the terminal reads it once."""
    source = ("#include <gale/gale.h>\n"
              "static int open_(struct gale_app *a, void **s) { (void)a; (void)s; return -5; }\n"
              "static int serve(void *s, struct gale_request *q, struct gale_response *r)\n"
              "{ (void)s; (void)q; (void)r; return 404; }\n"
              "GALE_PLUGIN(p) { p->name = \"x\"; p->open = open_; p->serve = serve; }\n")
    shutil.copy2(plugin(source), person.folder / "x.so")
    shutil.copy2(plugin("int none;\n"), person.folder / "y.so")
    for name, said in (("x.so", "gale: cannot start: x.so: the plugin did not open: EIO"),
                       ("y.so", f"gale: cannot start: {person.folder}/y.so is a shared object but no plugin")):
        shown = person.gale("run", name, "--listen", "127.0.0.1:0")
        assert shown.returncode != 0 and said in shown.stderr
        about = [line for line in shown.stderr.splitlines() if name in line or "EIO" in line]
        assert len(about) == 1 and f"{name}:" + "3" not in shown.stderr, shown.stderr
