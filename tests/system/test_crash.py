"""Workers that die: what is told of it, and whom it hurts."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD
from crash_plugins import CRASH, CRASH_CXX, crash_app
from harness import is_alive, wait_for

FLAGS = ["-O2", "-Wno-error"]
ASAN = "asan" in str(BUILD)


@pytest.fixture
def gale(gale, tmp_path):
    """Crashes are wanted here: what AddressSanitizer says of them goes to files."""
    said = tmp_path / "asan"
    said.mkdir()
    said.chmod(0o777)
    options = f"{os.environ.get('ASAN_OPTIONS', 'abort_on_error=1')}:log_path={said}/log"
    return lambda *args, leaks=1, **more: gale(
        *args, env={"ASAN_OPTIONS": f"{options}:detect_leaks={leaks}"}, **more)


@pytest.fixture
def crash(plugin):
    return plugin(CRASH, flags=FLAGS)


@pytest.fixture
def shop(plugin):
    return plugin(CRASH_CXX, flags=["-x", "c++", "-O2", "-Wl,--no-as-needed", "-lstdc++"])


def line_of(function, source=CRASH):
    """The line of a function's definition, as reports name it."""
    for number, line in enumerate(source.splitlines(), 1):
        if re.search(rf"\b{function}\([\w ]*\)", line) and not line.strip().endswith(";"):
            return number
    raise AssertionError(function)


def ask_for_death(g, path):
    """The request that kills its worker gets no answer."""
    with pytest.raises((EOFError, ConnectionError)):
        g.get(path)


def reports(g):
    """The reports of the log: each its first line and its block."""
    return re.findall(r'^time=\S+ level=error pid=\d+ msg="crash report".*\n(?:  .*\n)+', g.stderr(),
                      re.MULTILINE)


def wait_for_report(g, count=1):
    wait_for(lambda: len(reports(g)) >= count, f"{count} crash reports: {g.stderr()}")
    return reports(g)[-1]


# ---- what is told ----

WAYS = [
    # way, what, sentence, function that is named, at one of these lines' function
    ("null", "SIGSEGV", "it wrote to address 0x0, a NULL pointer", "null"),
    ("jump", "SIGSEGV", "it jumped to address 0x0, a NULL pointer", "jump"),
    ("recursion", "SIGSEGV", "the task's stack overflowed", "deep"),
    ("alloca", "SIGSEGV", "the task's stack overflowed", "wide"),
    ("heap", "SIGABRT", "double free", "heap"),
    ("assert", "SIGABRT", "Assertion `zero == 4' failed", "claim"),
    ("abort", "SIGABRT", "abort() was called", "aborts"),
    ("exit", r"exit\(3\)", "exit(3) was called", "leave"),
    ("divide", "SIGFPE", "a division by zero", "divide"),
    ("trap", "SIGILL", "an instruction that does not exist", "trap"),
    ("wild", "SIGSEGV", "a pointer that can't be one", "wild"),
    ("smash", "SIGSEGV", "the rest of the stack is broken", "smash"),
    ("scribble", "SIGSEGV", "the rest of the stack is broken", "scribble"),
    ("offload", "SIGSEGV", "it wrote to address 0x0", "null"),
]


@pytest.mark.parametrize("way, what, sentence, function", WAYS, ids=[w[0] for w in WAYS])
def test_a_report_names_the_line(gale, crash, way, what, sentence, function):
    g = gale(crash_app(crash))
    ask_for_death(g, f"/{way}?a=b")
    report = wait_for_report(g)
    first, block = report.split("\n", 1)
    source = crash.with_suffix(".c")
    line = r"\d+" if way in ("file_limit", "smash", "scribble") else line_of(function)
    if ASAN and way == "heap":
        what = "sanitizer"
        sentence = "a sanitizer found an error"
    assert re.search(rf"what={what} app=shop at=\S*{source.name}:{line} ", first), first
    assert f'request="GET /{way}?a=b" id=' in first and "generation=1 worker=0" in first
    assert sentence in block
    assert re.search(rf"  #\d+ +{function} ", block) and f"plugin    {crash}" in block
    last = g.status()["crashes"]
    assert len(last) == 1 and last[0]["app"] == "shop" and last[0]["count"] == 1
    assert any(frame["function"] == function and frame["file"].endswith(source.name)
               for frame in last[0]["stack"])
    assert g.wait_for_workers(1)


def test_ends_that_leave_no_record_are_told_from_outside(gale, crash):
    g = gale(crash_app(crash))
    for number, (way, what, sentence) in enumerate([
            ("_exit", "exit", "it ended by _exit()"),
            ("kill", "SIGKILL", "killed from outside, perhaps for lack of memory"),
            ("thread_stack", "SIGSEGV", "the stack of a thread that the plugin started")], 1):
        if ASAN and way == "thread_stack":
            break  # it gives every thread a stack for signals
        g.wait_for_workers(1)
        ask_for_death(g, f"/{way}")
        report = wait_for_report(g, number)
        assert f"what={what} app=shop" in report and sentence in report
        assert f"request   GET /{way}, id " in report


def test_a_thread_is_not_mistaken_for_the_request_beside_it(gale, crash):
    g = gale(crash_app(crash))
    ask_for_death(g, "/thread")
    report = wait_for_report(g)
    assert "app=shop" in report and "request=-" in report and "in its thread" in report
    assert re.search(r"  #0 +null ", report) and re.search(r"  #1 +run ", report)


def test_an_exception_that_nobody_catches(gale, shop):
    g = gale(crash_app(shop))
    ask_for_death(g, "/throw")
    report = wait_for_report(g)
    assert "nobody caught the C++ exception shop::out_of_stock" in report
    assert re.search(r"  #\d+ +shop::sell\(\) +\S+\.c:\d+ ", report)


def test_a_plugin_without_debugging_information_has_functions(gale, plugin, tmp_path):
    path = tmp_path / "stripped.so"
    plugin(CRASH, to=path, flags=FLAGS)
    subprocess.run(["strip", "--strip-debug", str(path)], check=True)
    g = gale(crash_app(path))
    ask_for_death(g, "/null")
    assert re.search(r'at="null\+0x[0-9a-f]+ \(stripped\.so\)"', wait_for_report(g))
    subprocess.run(["strip", str(path)], check=True)
    assert g.reload().status == 200
    ask_for_death(g, "/null")
    assert re.search(r'at="0x[0-9a-f]+ \(stripped\.so\)"', wait_for_report(g, 2))


@pytest.mark.skipif(not shutil.which("clang"), reason="needs clang")
@pytest.mark.parametrize("flags", [["-g"], ["-g", "-fdebug-prefix-map=/tmp=/src"], ["-g1", "-gz"]])
def test_other_compilers_lines_are_found_too(gale, crash, tmp_path, flags):
    path = tmp_path / "other.so"
    include = Path(__file__).resolve().parents[2] / "include"
    subprocess.run(["clang", "-shared", "-fPIC", "-O2", "-w", *flags, f"-I{include}", "-o", path,
                    crash.with_suffix(".c")], check=True)
    g = gale(crash_app(path))
    ask_for_death(g, "/null")
    assert f"{crash.with_suffix('.c').name}:{line_of('null')} " in wait_for_report(g)


def test_a_background_task_that_crashes_after_a_request(gale, crash):
    g = gale(crash_app(crash))
    pid = g.workers()[0]["pid"]
    assert int(g.get("/later").text) == pid
    g.wait_for_workers(1, without=[pid])
    assert "request   background task" in wait_for_report(g)


def test_a_crash_while_closing_is_told_before_the_end(gale, crash):
    g = gale(crash_app(crash, close="null"), workers=2)
    assert g.stop() == 0
    assert len(reports(g)) == 2
    assert "which had served" in reports(g)[0]


def test_a_crash_while_opening_is_the_answer(gale, crash):
    g = gale(crash_app(crash, open="null"), wait=False)
    assert g.wait() == 1
    assert re.search(r"gale: cannot start: worker 0 (was killed by SIG\w+|exited with code 1) while it opened the app "
                     rf"shop, at \S+\.c:{line_of('null')}\n", g.stderr())
    ok = gale(crash_app(crash), name="ok")
    ok.configure(crash_app(crash, open="assert"))
    answer = ok.reload()
    assert answer.status == 409
    assert re.search(rf"at \S+\.c:{line_of('claim')}$", answer.json()["text"])


def test_a_core_is_still_written(gale, crash, tmp_path):
    pattern = open("/proc/sys/kernel/core_pattern").read()
    if ASAN or pattern.startswith("|") or "/" in pattern:
        pytest.skip("cores go elsewhere here")
    g = gale(crash_app(crash), launcher=["sh", "-c", 'ulimit -c unlimited; exec "$0" "$@"'])
    ask_for_death(g, "/null")
    g.wait_for_log("was killed by SIGSEGV (core dumped)")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_other_users_plugins_are_read_as_that_user(gale, crash):
    g = gale(crash_app(crash), user="nobody")
    ask_for_death(g, "/abort")
    assert f"{crash.with_suffix('.c').name}:{line_of('aborts')}" in wait_for_report(g)


# ---- a handler that is hindered ----

@pytest.mark.parametrize("body", ["return *(const void *const volatile *)1;",
                                  "for (;;) pause(); return 0;"], ids=["faults", "hangs"])
def test_what_hinders_the_handler_costs_one_step_of_it(gale, plugin, body):
    """It asks the plugin's C++ runtime what nobody caught; this one's has gone out of its mind."""
    runtime = "\nconst void *__cxa_current_exception_type(void);\n" \
              "const void *__cxa_current_exception_type(void) { %s }\n" % body
    g = gale(crash_app(plugin(CRASH + runtime, flags=FLAGS)))
    ask_for_death(g, "/abort")
    report = wait_for_report(g)
    assert re.search(r"  #\d+ +aborts ", report) and "request   GET /abort, id " in report
    g.wait_for_workers(1)


# ---- whom it hurts ----

WRK_SECONDS = 4


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk")
def test_a_report_comes_without_those_who_find_its_lines(gale, crash):
    """kill -9 of whoever reads the debugging information."""
    g = gale(crash_app(crash), workers=1, rollback="no")
    for n in range(1, 4):
        before = [w["pid"] for w in g.workers()]
        with g.connect() as c:
            c.send("GET /null HTTP/1.1\r\nHost: x\r\n\r\n")
            assert c.is_closed()
        while g.stderr().count("crash report") < n:
            for pid in g.members():
                with contextlib.suppress(OSError):
                    if b"\0symbols\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
        g.wait_for_workers(1, without=before)
    assert g.stderr().count("what      SIGSEGV: it wrote to address 0x0") == 3
    assert g.get("/here").status == 200


@pytest.mark.parametrize("way", ["null", "exit", "kill", "smash"])
def test_a_crash_costs_only_what_its_worker_was_at(gale, crash, way):
    clients = 8
    g = gale(crash_app(crash), workers=3)
    load = subprocess.Popen(
        ["wrk", "-t1", "--timeout", "20s", f"-c{clients}", f"-d{WRK_SECONDS}s", f"http://127.0.0.1:{g.port}/here"],
        stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        before = g.wait_for_workers(3)
        ask_for_death(g, f"/{way}")
        wait_for(lambda: set(before) - {w["pid"] for w in g.workers()}, "the death")
    out = load.communicate()[0]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    # Two workers died: each lost at most the connections that it had.
    assert connect == 0 and timeout == 0 and read + write <= 2 * clients, out
    assert "Non-2xx" not in out, out


def test_an_unload_hostile_plugin_comes_and_goes(gale, shop):
    # The thread that never ends holds what is only reachable from it.
    g = gale(crash_app(shop), workers=2, leaks=0)
    pids = [w["pid"] for w in g.workers()]
    for _ in range(3):
        assert g.get("/").status == 200
        assert g.reload().status == 200
    assert g.get("/").status == 200
    wait_for(lambda: not any(is_alive(pid) for pid in pids), "the old workers to end")
    assert g.stop() == 0
    assert not reports(g)


# ---- the watchdog ----

@pytest.mark.parametrize("way, function", [("spin", "spin"), ("block", "block")])
def test_a_stuck_worker_is_replaced_and_its_stack_told(gale, crash, way, function):
    g = gale(crash_app(crash), workers=2, stuck_timeout="1s", loop_warn="0s")
    with g.connect() as c:
        c.send(f"GET /{way} HTTP/1.1\r\nHost: x\r\n\r\n")
        stuck = wait_for(lambda: [w["pid"] for w in g.workers() if w.get("request") == f"GET /{way}"],
                         "the request")
        assert g.get("/here").status == 200  # by the other one
        g.wait_for_workers(2, without=stuck)
    report = wait_for_report(g)
    assert f"what=stuck app=shop at=" in report and f'request="GET /{way}"' in report
    assert re.search(r"stuck: its loop had not turned for [1-9]\d*\.\d s", report)
    assert re.search(rf"  #\d+ +{function} ", report)


def test_a_stopped_worker_is_replaced(gale, crash):
    g = gale(crash_app(crash), workers=2, stuck_timeout="1s")
    pid = g.workers()[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    g.wait_for_workers(2, without=[pid])
    assert "it was stopped (SIGSTOP)" in wait_for_report(g)


def test_a_master_that_slept_kills_nobody(gale, crash):
    """As after a suspend or a frozen cgroup: everybody's heartbeat is old at once."""
    g = gale(crash_app(crash), workers=2, stuck_timeout="3s")
    pids = [w["pid"] for w in g.workers()]
    everybody = [g.pid, *pids]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[0] == "T"
                         for p in everybody), "all to be stopped")
    subprocess.run(["sleep", "5"], check=True)
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)
    for _ in range(20):
        assert int(g.get("/here").text) in pids
    subprocess.run(["sleep", "1"], check=True)
    assert [w["pid"] for w in g.workers()] == pids


def test_a_debugger_may_take_its_time(gale, crash):
    if not shutil.which("gdb"):
        pytest.skip("needs gdb")
    g = gale(crash_app(crash), workers=1, stuck_timeout="2s")
    pid = g.workers()[0]["pid"]
    subprocess.run(["gdb", "-q", "-batch", "-p", str(pid), "-ex", "shell sleep 5"],
                   capture_output=True, timeout=60, check=False)
    assert [w["pid"] for w in g.workers()] == [pid]
    assert int(g.get("/here").text) == pid


# ---- recycling ----

@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk")
def test_workers_are_recycled_without_a_lost_request(gale, crash):
    g = gale(crash_app(crash), workers=2, max_requests=500)
    out = subprocess.run(["wrk", "-t1", "--timeout", "20s", "-c8", "-d2s", f"http://127.0.0.1:{g.port}/here"],
                         capture_output=True, text=True, check=True).stdout
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    assert re.search(r"worker \d has served (4[5-9]\d|5\d\d) requests \(max_requests\)", g.stderr())
    assert not reports(g)


@pytest.mark.skipif(ASAN, reason="AddressSanitizer's own memory is beyond any limit")
def test_a_worker_that_grows_is_recycled(gale, crash):
    g = gale(crash_app(crash), workers=1, max_memory="100M")
    pid = g.workers()[0]["pid"]
    for _ in range(8):
        assert g.get("/grow").status == 200
    g.wait_for_workers(1, without=[pid])
    assert re.search(r"worker 0 holds 1[0-9]\d MiB \(max_memory\); another takes its place", g.stderr())
    assert not reports(g)


# ---- every role, killed ----

def test_the_master_killed_while_a_worker_is_about_to_crash(gale, crash):
    g = gale(crash_app(crash), workers=2)
    pids = [w["pid"] for w in g.workers()]
    with g.connect() as c:
        c.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().status == 200
        g.kill(signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")
    g.wait()
    g.start()
    g.wait_until_serving()
    assert g.get("/here").status == 200
