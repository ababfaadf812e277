"""Tasks that do not end although they were cancelled: reported, and their worker replaced."""
import re

import pytest

from harness import is_alive, wait_for

# /spin ignores that its waits return at once; /thread waits for a thread that never ends; /body
# takes an error for data; /here answers with its worker's pid.
STUCK = r"""
#include <gale/gale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int running;

static int open_stuck(struct gale_app *app, void **out_state)
{
    (void)out_state;
    running = gale_gauge(app, "probe_running", "Requests that the plugin is at.");
    return 0;
}

static __attribute__((noinline)) int sleeps_for_ever(void)
{
    while (1)
        gale_sleep(100);
    return 0;
}

static void hold(void *data)
{
    (void)data;
    while (1)
        pause();
}

static __attribute__((noinline)) int gives_work_to_a_thread(void)
{
    int r = gale_offload(hold, NULL);
    return r + 500;
}

static __attribute__((noinline)) int reads_for_ever(struct gale_request *req)
{
    char block[100];
    while (gale_request_read(req, block, sizeof(block)) != 0)
        ;
    return 0;
}

static int answer(struct gale_request *req, struct gale_response *res)
{
    const char *path = gale_request_below(req).at;
    if (strcmp(path, "/spin") == 0)
        return sleeps_for_ever() + 1;
    if (strcmp(path, "/thread") == 0)
        return gives_work_to_a_thread() + 1;
    if (strcmp(path, "/body") == 0)
        return reads_for_ever(req) + 1;
    if (strcmp(path, "/slow") == 0 && gale_sleep(atol(gale_request_query(req, "ms", "0"))) < 0)
        return 503;
    return gale_reply(res, 200, "text/plain", "%d\n", (int)getpid());
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    gale_metric_add(running, 1);
    int r = answer(req, res);
    gale_metric_add(running, -1);
    return r;
}

GALE_PLUGIN(p)
{
    p->name = "stuck";
    p->open = open_stuck;
    p->serve = serve;
}
"""


@pytest.fixture
def stuck(gale, plugin):
    path = plugin(STUCK, flags=["-O2", "-fvisibility=hidden"])
    return lambda *lines, **server: gale(
        "\n".join(["[app shop]", "mount = /", f"plugin = {path}", *lines]), **server)


def report(g):
    """The one line about a stuck task."""
    lines = [line for line in g.stderr().splitlines() if "did not end although" in line]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("target,function,request_head", [
    ("/spin?why=not", "sleeps_for_ever", "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("/thread", "gives_work_to_a_thread", "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("/body", "reads_for_ever", "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"),
], ids=["spin", "thread", "body"])
def test_a_stuck_request_is_reported_and_its_worker_replaced(stuck, target, function, request_head):
    g = stuck()
    pid = g.workers()[0]["pid"]
    c = g.connect()
    c.send(request_head.format(target))
    g.wait_for_running(1)
    c.reset()

    # Everybody else is served all the time: by the old worker, then by the new one.
    answers = []

    def replaced():
        answer = g.get("/here")
        assert answer.status == 200
        answers.append(int(answer.text))
        return answers[-1] != pid
    wait_for(replaced, "another worker")
    wait_for(lambda: not is_alive(pid), "the end of the old worker")
    assert answers.count(pid) > 10

    line = report(g)
    assert "level=error" in line and "app=shop" in line and "error=ECANCELED" in line
    assert f"{request_head.split()[0]} {target}" in line
    assert re.search(rf'stack="[^"]*\b{function}[.\w]*\+0x[0-9a-f]+ \([0-9a-f]+\.so\)', line), line
    assert re.search(r"id=[0-9a-z-]+", line)
    assert g.wait_for_workers(1, without=[pid])
    assert "killed" not in g.stderr()


def test_a_request_whose_deadline_passed_counts_too(stuck):
    g = stuck("deadline = 200ms")
    pid = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /spin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.rest() == b""
    assert "error=ETIMEDOUT" in report(g)
    g.wait_for_workers(1, without=[pid])


def test_the_other_requests_of_its_worker_end_in_order(stuck):
    g = stuck()
    pid = g.workers()[0]["pid"]
    with g.connect() as slow, g.connect() as c:
        c.send("GET /thread HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        c.reset()
        slow.send("GET /slow?ms=8000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(2)
        answer = slow.response()
        assert (answer.status, int(answer.text)) == (200, pid)
    g.wait_for_workers(1, without=[pid])
    wait_for(lambda: not is_alive(pid), "the end of the old worker")
    assert report(g)
