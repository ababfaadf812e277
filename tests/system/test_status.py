"""The plugin that shows how the instance is doing: page, JSON, Prometheus."""
import re

import pytest

COUNTING = r"""
#include <gale/gale.h>
static int hits, level;
static int open_app(struct gale_app *app, void **out_state)
{
    (void)out_state;
    hits = gale_counter(app, "test_hits_total", "Hits, with a \\ and a\nline feed.");
    level = gale_gauge(app, "test_level", "How high it \"stands\".");
    return 0;
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    gale_metric_add(hits, 1);
    gale_metric_set(level, 42);
    if (gale_request_query(req, "fail", NULL))
        return 503;
    return gale_reply(res, 200, "text/plain", "counted\n");
}
GALE_PLUGIN(p) { p->name = "counting"; p->open = open_app; p->serve = serve; }
"""


@pytest.fixture
def status(gale, plugin, build):
    def start(mount="/status", **server):
        path = (build / "plugins" / "status.so").resolve()
        return gale(f"[app status]\nmount = {mount}\nplugin = {path}\n"
                    f"[app counting]\nmount = /count\nplugin = {plugin(COUNTING)}\n", **server)
    return start


def family(data, name):
    found = [f for f in data["metrics"] if f["name"] == name]
    assert len(found) == 1, (name, len(found))
    return found[0]


def value(data, name, **labels):
    found = [s for s in family(data, name)["samples"] if s["labels"] == labels]
    assert len(found) == 1, (name, labels, found)
    return found[0].get("value", found[0].get("count"))


# ---- paths and methods ----

@pytest.mark.parametrize("mount", ["/status", "/", "/deep/er/status"])
def test_paths(status, mount):
    g = status(mount)
    prefix = mount.rstrip("/")
    for path, kind in ((prefix or "/", "text/html; charset=utf-8"),
                       (prefix + "/", "text/html; charset=utf-8"),
                       (prefix + "/json", "application/json"),
                       (prefix + "/metrics", "text/plain; version=0.0.4; charset=utf-8")):
        r = g.get(path)
        assert (r.status, r.header("Content-Type")) == (200, kind), path
        assert r.header("Cache-Control") == "no-store"
        head = g.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.header("Content-Type") == kind
    for path in ("/none", "/json/", "/json/x", "/metrics/", "/page.html"):
        assert g.get(prefix + path).status == 404, path
    for path in ("", "/json", "/metrics"):
        r = g.post((prefix + path) or "/", b"x")
        assert (r.status, r.header("Allow")) == (405, "GET, HEAD"), path


def test_the_page_needs_nothing_else(status):
    r = status().get("/status")
    assert r.text.startswith("<!doctype html>") and r.text.endswith("</html>\n")
    assert "default-src 'none'" in r.header("Content-Security-Policy")
    for resource in re.findall(r'(?:src|href)="([^"]*)"', r.text):
        assert resource.startswith("data:") or resource in ("json", "metrics"), resource
    assert "http://" not in r.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in r.text


# ---- JSON ----

def test_json(status):
    g = status()
    for _ in range(3):
        assert g.get("/count").status == 200
    assert g.get("/count?fail=1").status == 503
    data = g.get("/status/json").json()
    assert re.match(r"\d+\.\d+", data["gale"]) and data["now_ms"] > 0
    assert value(data, "gale_requests_total", app="counting", code="2xx") == 3
    assert value(data, "gale_requests_total", app="counting", code="5xx") == 1
    assert value(data, "gale_requests_total", app="counting", code="4xx") == 0
    assert value(data, "gale_requests_running", app="status") == 1
    assert value(data, "test_hits_total", app="counting") == 4
    assert value(data, "test_level", app="counting") == 42
    assert family(data, "test_hits_total")["help"] == "Hits, with a \\ and a\nline feed."
    assert (family(data, "test_hits_total")["type"], family(data, "test_level")["type"]) == \
        ("counter", "gauge")


def test_the_histogram_in_json(status):
    g = status()
    for _ in range(5):
        g.get("/count")
    data = g.get("/status/json").json()
    durations = family(data, "gale_request_duration_seconds")
    assert durations["type"] == "histogram"
    series = next(s for s in durations["samples"] if s["labels"] == {"app": "counting"})
    counts = [b["count"] for b in series["buckets"]]
    assert counts == sorted(counts) and counts[-1] == series["count"] == 5
    bounds = [float(b["le"].replace("+", "")) for b in series["buckets"]]
    assert bounds == sorted(bounds) and bounds[-1] == float("inf") and len(bounds) > 3
    assert 0 < series["sum"] < 60
    names = [f["name"] for f in data["metrics"]]
    assert not [n for n in names if n.endswith("_bucket") or "microseconds" in n]
    assert len(names) == len(set(names))


def test_workers(status):
    g = status(workers=2)
    data = g.get("/status/json").json()
    assert len(data["workers"]) >= 1
    for worker in data["workers"]:
        assert worker["pid"] > 1 and worker["generation"] >= 1
        assert worker["state"] in ("starting", "ready", "serving", "draining")
        assert 0 <= worker["age_ms"] < 3_600_000
    assert len({w["pid"] for w in data["workers"]}) == len(data["workers"])
    if "generations" in g.status():
        assert [w["place"] for w in data["workers"]] == [0, 1]
        assert {w["pid"] for w in data["workers"]} == {w["pid"] for w in g.workers()}


# ---- Prometheus ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (-?[0-9.]+|NaN|[+-]Inf)")


def parse(text):
    """The families of an exposition, as strict as its specification."""
    assert text.endswith("\n") and "\r" not in text
    families, current = {}, None
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, help_text = line[7:].split(" ", 1)
            assert name not in families, f"{name} comes twice"
            families[name] = {"help": help_text, "type": None, "samples": {}}
            current = name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == current and families[name]["type"] is None
            assert not families[name]["samples"]
            families[name]["type"] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, number = match.groups()
            endings = ("_bucket", "_sum", "_count") if families[current]["type"] == "histogram" \
                else ("",)
            assert name in [current + ending for ending in endings], line
            key = (name, labels or "")
            assert key not in families[current]["samples"], line
            families[current]["samples"][key] = float(number)
    return families


def test_prometheus(status):
    g = status()
    for _ in range(4):
        g.get("/count")
    families = parse(g.get("/status/metrics").text)
    assert families["gale_requests_total"]["type"] == "counter"
    assert families["gale_requests_total"]["samples"][
        ("gale_requests_total", 'app="counting",code="2xx"')] == 4
    assert families["test_hits_total"]["samples"][("test_hits_total", 'app="counting"')] == 4
    assert families["test_hits_total"]["help"] == "Hits, with a \\\\ and a\\nline feed."
    assert families["test_level"] == {"help": 'How high it "stands".', "type": "gauge",
                                      "samples": {("test_level", 'app="counting"'): 42.0}}
    assert sum(families["gale_workers"]["samples"].values()) >= 1
    assert list(families["gale_build_info"]["samples"].values()) == [1.0]


def test_the_histogram_for_prometheus(status):
    g = status()
    for _ in range(4):
        g.get("/count")
    families = parse(g.get("/status/metrics").text)
    assert not [n for n in families if "microseconds" in n or n.endswith("_bucket")]
    durations = families["gale_request_duration_seconds"]
    name, app = "gale_request_duration_seconds", 'app="counting"'
    assert durations["type"] == "histogram"
    buckets = [(k[1], v) for k, v in durations["samples"].items()
               if k[0] == name + "_bucket" and k[1].startswith(app + ",")]
    assert buckets[-1][0] == app + ',le="+Inf"'
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == durations["samples"][(name + "_count", app)] == 4
    assert 0 < durations["samples"][(name + "_sum", app)] < 60


def test_counters_never_go_back(status):
    g = status()
    last = 0
    for _ in range(5):
        g.get("/count")
        data = g.get("/status/json").json()
        hits = value(data, "test_hits_total", app="counting")
        assert hits == last + 1
        last = hits
