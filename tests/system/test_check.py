"""gale check: what is said of wrong configurations, and of right ones."""
import re
import shutil

import pytest

from person import APP, person  # noqa: F401: a fixture


PHP = "[app a]\nmount = /\n"

WRONG = {
    "key outside": ("workers = 2\n" + APP,
                    "g.ini:1: this key stands outside any section; write a [SECTION] above it"),
    "misspelt key": ("[server]\nworker = 2\n" + APP,
                     "g.ini:2: 'worker' is not a key of this section; did you mean 'workers'?"),
    "colon": ("[server]\nworkers: 2\n" + APP,
              "g.ini:2: expected [SECTION], KEY = VALUE or ; COMMENT"),
    "word for number": ("[server]\nworkers = two\n" + APP,
                        "g.ini:2: workers: 'two' is not a count; expected 'auto' (one for each "
                        "CPU) or a number from 1 to 120"),
    "foreign unit": ("[server]\nmax_body = 10MB\n" + APP,
                     "g.ini:2: max_body: '10MB' is not a size; expected a size such as 512, 16K "
                     "or 8M"),
    "no unit": ("[server]\nidle_timeout = 30\n" + APP,
                "g.ini:2: idle_timeout: '30' has no unit; expected a time such as 500ms, 30s, "
                "5m, 1h or 1d, from 1ms to 1d"),
    "bare port": ("[server]\nlisten = 8080\n" + APP,
                  "g.ini:2: listen: '8080' is no address; for port 8080 write *:8080 or "
                  "127.0.0.1:8080"),
    "comma": ("[server]\nlisten = *:80, *:81\n" + APP,
              "g.ini:2: listen: '*:80,' has a comma in it; addresses are separated by blanks"),
    "plugin's key": (APP + "greeting = hi\n",
                     "g.ini:4: 'greeting' is not a key of this section; if it is for the app itself, "
                     "write 'set greeting = VALUE'\n"
                     "    its keys are mount, authorize, max_body, body_timeout, write_timeout,\n"
                     "    form_memory, deadline, limit_rate, watch, build, plugin, set, isolate, mode,\n"
                     "    user, group, env, memory, files, max_processes, read, write, connections,\n"
                     "    queue, queue_timeout"),
    "same address": ("[server]\nlisten = *:80 *:80\n" + APP,
                     "g.ini:2: listen: *:80 is given twice"),
    "same key": ("[server]\nworkers = 1\nworkers = 2\n" + APP,
                 "g.ini:3: workers: given twice; it stands at g.ini:2 already"),
    "same section": ("[server]\n" + APP + "[server]\n",
                     "g.ini:5: section [server] is given twice; it stands at g.ini:1 already"),
    "capital": ("[Server]\n" + APP, "g.ini:1: unknown section [Server]; did you mean [server]?"),
    "other section": ("[host example.org]\n" + APP,
                      "g.ini:1: [host example.org] is reserved for a later version of gale; use "
                      "the key 'mount = HOST/PATH'"),
    "open bracket": ("[server\n" + APP,
                     "g.ini:1: the section's name is not closed; expected [NAME]"),
    "nothing": ("[server]\n", "g.ini: there is nothing to serve: add a section [app NAME]"),
    "empty": ("", "g.ini: there is nothing to serve: add a section [app NAME]"),
    "app without name": ("[app]\nmount = /\nplugin = hello.so\n",
                         "g.ini:1: [app] has no name; write for example [app hello]"),
    "name with blanks": ("[app My Shop]\nmount = /\nplugin = hello.so\n",
                         "g.ini:1: 'My Shop' is no name for an app; a name is 1 to 40 of a-z, "
                         "0-9, _ and -"),
    "same app": (APP + APP,
                 "g.ini:4: section [app a] is given twice; it stands at g.ini:1 already"),
    "no mount": ("[app a]\nplugin = hello.so\n",
                 "g.ini:1: [app a] has no mount; add for example mount = /a"),
    "mount without slash": ("[app a]\nmount = hello\nplugin = hello.so\n",
                            "g.ini:2: mount: 'hello' is no mount: it begins with '/', or is "
                            "HOST/PATH; did you mean '/hello'?"),
    "dots": ("[app a]\nmount = /a/../b\nplugin = hello.so\n",
             "g.ini:2: mount: '/a/../b' is no mount: '.' and '..' are never part of a request's "
             "path"),
    "no adapter": ("[app a]\nmount = /\n",
                   "g.ini:1: [app a] does not say what it serves; add the key plugin, cgi or fastcgi"),
    "no such plugin": ("[app a]\nmount = /\nplugin = no.so\n",
                       "g.ini:1: [app a] FOLDER/no.so does not exist; build the plugin first, or "
                       "correct the key plugin (relative paths start at the key base)"),
    "no plugin": ("[app a]\nmount = /\nplugin = text.so\n",
                  "g.ini:1: [app a] FOLDER/text.so is not a shared object; compile one with cc "
                  "-shared -fPIC"),
    "key of another section": (APP + "workers = 2\n",
                               "g.ini:4: 'workers' is not a key of [app a]; it belongs in "
                               "[server]"),
    "mount of the server": ("[server]\nmount = /\n" + APP,
                            "g.ini:2: 'mount' is not a key of [server]; it belongs in an "
                            "[app NAME] section"),
    "set without name": (APP + "set = red\n",
                         "g.ini:4: 'set' has not one name in its key; expected "
                         "`set NAME = VALUE`"),
    "no such choice": ("[server]\nlog_level = verbose\n" + APP,
                       "g.ini:2: log_level: 'verbose' is not one of the choices; expected error, "
                       "warn, info or debug"),
    "page without file": ("[server]\nerror_page = 404\n" + APP,
                          "g.ini:2: error_page: '404' is not a name and a value; expected "
                          "`error_page = NAME VALUE`"),
    "no such include": ("include = no.ini\n" + APP,
                        "g.ini:1: include: no.ini cannot be read: No such file or directory"),
    "include of itself": ("include = g.ini\n" + APP,
                          "g.ini:1: include: g.ini includes itself, directly or through others"),
    "no such user": ("[server]\nuser = nobody-at-all\n" + APP,
                     "g.ini:2: user: there is no user 'nobody-at-all' on this machine"),
    "no such group": ("[server]\nworkers = 1\ngroup = nobody-at-all\n" + APP,
                      "g.ini:3: group: there is no group 'nobody-at-all' on this machine"),
    "log without a folder": ("[server]\naccess_log = none/a.log\n" + APP,
                             "g.ini:2: access_log: there is no folder FOLDER/none for "
                             "FOLDER/none/a.log (No such file or directory); make it first, or "
                             "name another"),
    "log that is a folder": ("[server]\nerror_log = .\n" + APP,
                             "g.ini:2: error_log: FOLDER/. is a folder; expected the path of a "
                             "file"),
    "pid file": ("[server]\npid_file = g.ini/pid\n" + APP,
                 "g.ini:2: pid_file: FOLDER/g.ini is no folder, so FOLDER/g.ini/pid cannot be in "
                 "it"),
    "control socket": ("[server]\ncontrol = none/c\n" + APP,
                       "g.ini:2: control: there is no folder FOLDER/none for FOLDER/none/c (No such "
                       "file or directory); make it first, or name another"),
    "unix listener": ("[server]\nlisten = 127.0.0.1:0\nlisten = unix:/none/at/all\n" + APP,
                      "g.ini:3: listen: there is no folder /none/at for /none/at/all (No such file "
                      "or directory); make it first, or name another"),
    "unknown host": ("[server]\nlisten = none.invalid:80\n" + APP,
                     "g.ini:2: listen: no host is known by the name in 'none.invalid:80'; correct "
                     "it, or write its address"),
    "other server's scheme": ("[server]\nlisten = https://*:443\n" + APP,
                              "g.ini:2: listen: 'https://*:443' is no address; gale speaks HTTP "
                              "without a scheme in front, and fastcgi://"),
    "other server's socket": (PHP + "fastcgi = /run/php/fpm.sock\n",
                              "g.ini:3: [app a] fastcgi: '/run/php/fpm.sock' is no server; expected "
                              "unix:PATH or HOST:PORT, or spawn alone; did you mean "
                              "unix:/run/php/fpm.sock?"),
    "server's port": (PHP + "fastcgi = 9000\n",
                      "g.ini:3: [app a] fastcgi: '9000' is no server; expected unix:PATH or "
                      "HOST:PORT, or spawn alone; did you mean 127.0.0.1:9000?"),
    "server's scheme": (PHP + "fastcgi = http://x:9000\n",
                        "g.ini:3: [app a] fastcgi: 'http://x:9000' is no server; expected unix:PATH "
                        "or HOST:PORT, or spawn alone; there is no scheme in front of it"),
    "ending": (PHP + "fastcgi = x:9000\nroot = .\nsplit = php\n",
               "g.ini:5: [app a] split: 'php' is no ending; expected one such as .php"),
    "nothing to start": (PHP + "fastcgi = spawn\n",
                         "g.ini:3: [app a] fastcgi: spawn wants to know what to start; add for "
                         "example command = build/examples/fastcgi/counter"),
    "no such program": (PHP + "cgi = no.cgi\n",
                        "g.ini:1: [app a] cgi: there is no program or folder FOLDER/no.cgi"),
    "not executable": (PHP + "cgi = g.ini\n",
                       "g.ini:1: [app a] cgi: FOLDER/g.ini is neither executable (chmod +x) nor has "
                       "its ending an interpreter"),
    "plugin's root": (APP + "root = /srv\n",
                      "g.ini:4: 'root' is not a key of [app a]; it belongs to apps with the key "
                      "'cgi'; if it is for the app itself, write 'set root = VALUE'"),
    "two kinds": (APP + "cgi = x\n",
                  "g.ini:4: [app a] has both 'plugin' and 'cgi'; an app is one of them"),
    "no such authorizer": (APP + "authorize = dor\n",
                           "g.ini:4: authorize: there is no [app dor]; name the section of a FastCGI "
                           "app"),
    "mount with a scheme": ("[app a]\nmount = http://x.org/\nplugin = hello.so\n",
                            "g.ini:2: mount: 'http://x.org/' is no mount: it is a path or HOST/PATH, "
                            "without a scheme"),
    "mount of a host": ("[app a]\nmount = x.org\nplugin = hello.so\n",
                        "g.ini:2: mount: 'x.org' is no mount: it begins with '/', or is HOST/PATH; "
                        "did you mean 'x.org/'?"),
    "mount with a star": ("[app a]\nmount = /a/*\nplugin = hello.so\n",
                          "g.ini:2: mount: '/a/*' is no mount: it is a prefix, of which everything "
                          "below is a part, and no pattern with '*'"),
    "pair with an equals sign": (APP + "isolate = 1\nenv = KEY=VALUE\n",
                                 "g.ini:5: env: 'KEY=VALUE' is not a name and a value; expected "
                                 "`env = NAME VALUE`"),
    "right without workers": (APP + "read = /tmp\n",
                              "g.ini:4: read: only an app with workers of its own has it; add "
                              "isolate = 1"),
    "open quote": ("[server]\nerror_log = \"a.log\n" + APP, "g.ini:2: the quote is not closed"),
    "overlap": ("[server]\nlisten = 127.0.0.1:8080\nworkers = 1\nlisten = *:8080\n" + APP,
                "g.ini:4: listen: 127.0.0.1:8080 and *:8080 exclude each other: the port is the "
                "same, and one address covers the other; take one away"),
}


@pytest.mark.parametrize("name", WRONG)
def test_check_of_a_wrong_configuration(person, name):
    text, said = WRONG[name]
    person.write("g.ini", text)
    person.write("text.so", "no shared object at all, but long enough to be looked at closely\n")
    shown = person.gale("check", "g.ini")
    said = said.replace("FOLDER", str(person.folder))
    assert shown.stderr == f"{said}\ngale check: g.ini has 1 mistake\n"
    assert shown.returncode == 2 and shown.stdout == ""


def test_check_reports_every_mistake_in_the_order_of_the_file(person):
    person.write("g.ini", "[server]\nworker = 1\nlisten = 80\n\n[app a]\nmount = a\nplugin = x.so\n"
                          "[app b]\nmax_body = big\nmount = /\nplugin = hello.so\n")
    shown = person.gale("check", "g.ini")
    lines = [int(n) for n in re.findall(r"^g\.ini:(\d+): ", shown.stderr, re.M)]
    assert lines == [2, 3, 6, 9]
    assert shown.stderr.endswith("gale check: g.ini has 4 mistakes\n")


def test_check_of_an_included_file_names_it(person):
    person.write("g.ini", "include = more/*.ini\n" + APP)
    person.write("more/b.ini", "[app b]\nmount = /b\nplugin = hello.so\ncolour = red\n")
    assert person.gale("check", "g.ini").stderr.startswith("more/b.ini:4: 'colour' is not a key")


def test_check_of_a_right_configuration_shows_it(person):
    person.write("g.ini", "[server]\nlisten = *:80 unix:x.sock\nworkers = 3\n"
                          "[app hello]\nmount = /hello\nplugin = hello.so\n"
                          "[app other]\nmount = example.org/\nplugin = hello.so\n")
    shown = person.gale("check", "g.ini")
    assert shown.stderr == "" and shown.returncode == 0
    assert shown.stdout == (
        "g.ini is right: *:80, unix:x.sock, 3 workers\n\n"
        "  app    mount         adapter  serves with\n"
        "  hello  /hello        plugin   hello.so\n"
        "  other  example.org/  plugin   hello.so\n")


@pytest.mark.parametrize("place", ["gale.ini", "conf/gale.ini"])
def test_check_says_which_file_it_took(person, place):
    person.write(place, f"[server]\nbase = {person.folder}\n" + APP)
    assert person.gale("check").stdout.startswith(f"{place} is right: ")


OPENS = r"""
#include <gale/gale.h>
#include <stdlib.h>
#include <unistd.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state, (void)req, (void)res;
    return 0;
}
static int open_it(struct gale_app *app, void **out_state)
{
    (void)out_state;
    switch (*gale_setting(app, "how", "")) {
    case 'h':
        for (;;)
            pause();
    case 'c':
        *(volatile char *)1 = 0;
        break;
    case 'e':
        exit(0);
    case 'f':
        gale_log(app, GALE_ERROR, "no items at %s", "/srv");
        return -5;
    }
    return 0;
}
static const char *const keys[] = {"how", 0};
GALE_PLUGIN(p) { p->name = "opens"; p->serve = serve; p->open = open_it; p->keys = keys; }
"""


def test_check_opens_each_app_in_a_process_of_its_own(person, plugin):
    shutil.copy2(plugin(OPENS), person.folder / "opens.so")
    apps = "".join(f"[app {how}]\nmount = /{how}\nplugin = opens.so\nset how = {how}\n"
                   for how in ["hang", "crash", "exit", "fail", "ok"])
    person.write("g.ini", "[server]\nstart_timeout = 500ms\n" + apps +
                 "[app key]\nmount = /key\nplugin = opens.so\nset hwo = me\n")
    shown = person.gale("check", "g.ini", ASAN_OPTIONS="handle_segv=0")
    assert shown.returncode == 1 and shown.stdout == ""
    assert re.sub(r" \(core dumped\)", "", shown.stderr).splitlines() == [
        "g.ini:3: [app hang] did not open within 500 ms (start_timeout); what does it wait for?",
        "g.ini:7: [app crash] was killed by SIGSEGV while it opened",
        "g.ini:11: [app exit] exited with code 0 while it opened",
        "g.ini:15: [app fail] the plugin did not open: EIO; it said: no items at /srv",
        "g.ini:23: [app key] 'set hwo' on line 26 is not a setting of this plugin; did you mean "
        "'set how'?",
        "gale check: the text of g.ini is right, but 5 of 6 apps do not open"]
