"""Every recipe of docs/gateways.md, run as it is written.

A path in backquotes with a colon names the file that the block below it is; blocks of `sh` are run in
order, and a block of `text` is what the one before it prints. Only places are others: /srv, /run and
the ports lie in the test's folder. What a recipe takes for granted (php-fpm, a web server) is
started here with the recipe's piece of configuration.
"""
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from harness import Connection, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "gateways.md").read_text()
BLOCK = re.compile(r"(?:^`(/[^`]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


def sections():
    recipes = TEXT.split("\n## Recipes\n")[1]
    parts = re.split(r"^### (.+)$", recipes, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


PHP_POOL = """
[global]
error_log = {srv}/fpm.log
daemonize = no
[www]
user = www-data
group = www-data
listen = {run}/php/php-fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 2
php_value[session.save_path] = {run}
"""
NGINX = """
user www-data; daemon off; pid {run}/nginx.pid; error_log {srv}/nginx.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {run}/t1; fastcgi_temp_path {run}/t2; proxy_temp_path {run}/t3;
    uwsgi_temp_path {run}/t4; scgi_temp_path {run}/t5;
    include {etc}/nginx/sites-enabled/*;
}}
"""
APACHE = """
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile {run}/apache.pid
DefaultRuntimeDir {run}
Mutex file:{run}
ErrorLog {srv}/apache.log
User www-data
Group www-data
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
Include {etc}/apache2/sites-enabled/gale.conf
"""
LIGHTTPD = """
server.document-root = "{srv}"
server.port = {port}
server.errorlog = "{srv}/lighttpd.log"
include "{etc}/lighttpd/conf-enabled/50-gale.conf"
"""


class Place:
    """The test's folder in the place of /, and what runs there."""

    def __init__(self, folder, build):
        self.srv, self.run, self.etc = folder / "srv", folder / "run", folder / "etc"
        self.port, self.folder, self.running = free_port(), folder, []
        for path in (self.srv, self.run, self.etc, self.run / "php"):
            path.mkdir()
            path.chmod(0o777)
        folder.chmod(0o755)
        self.env = {"PATH": f"{build.resolve()}:{os.environ['PATH']}:/usr/sbin", "HOME": str(folder),
                    "GIT_CONFIG_NOSYSTEM": "1", "XDG_RUNTIME_DIR": str(self.run)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def put(self, text):
        for name in ("srv", "run"):
            text = re.sub(rf"(?<![\w.])/{name}/", f"{self.folder}/{name}/", text)
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        text = text.replace("listen 8080", f"listen 127.0.0.1:{self.port}")
        text = text.replace("Listen 8080", f"Listen 127.0.0.1:{self.port}")
        text = text.replace("*:8080", f"127.0.0.1:{self.port}")
        text = re.sub(r"(?<=cd )/srv$", str(self.srv), text, flags=re.M)
        return re.sub(r"(?<=GIT_PROJECT_ROOT )/srv/git$", f"{self.srv}/git", text, flags=re.M) \
            .replace("-R www-data /srv/git", f"-R www-data {self.srv}/git")

    def write(self, path, text):
        path = self.folder / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.relative_to(self.folder).parents:
            (self.folder / parent).chmod(0o755)
        text = self.put(text)
        if path.name == "gale.ini":
            text = text.replace("[server]\n", f"[server]\ncontrol = {self.folder}/control\n")
        path.write_text(text)
        path.chmod(0o644)

    def start(self, *command):
        log = (self.srv / f"output{len(self.running)}").open("wb")
        process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.folder,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()
        self.running.append(process)
        return process

    def said(self):
        return "\n".join(f"{p.name}: {p.read_text(errors='replace')}"
                         for p in [*self.srv.glob("output*"), *self.srv.glob("*.log")])

    def is_there(self, path):
        if path:
            return Path(path).exists()
        try:
            Connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def wait_for(self, path=None):
        try:
            wait_for(lambda: self.is_there(path), path or "the port")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None

    def start_all(self, script):
        """The commands that go on in the background, each when the one before it is there."""
        before = []
        for command in re.findall(r"(?:[^\n]*\\\n)*[^\n]+\n", self.put(script)):
            if not command.rstrip().endswith("&"):
                before.append(command)
                continue
            self.sh("".join(before))
            before = []
            self.start("/bin/sh", "-c", "exec " + command.rstrip().rstrip("&"))
            socket = re.search(r"(?:-s|--fastcgi-socket) (\S+)", command)
            config = re.search(r"gale run (\S+)", command)
            front = config and re.search(r"fastcgi://unix:(\S+)", Path(config.group(1)).read_text())
            path = socket.group(1) if socket else front.group(1) if front else None
            self.wait_for(path)
        assert not before

    def sh(self, script):
        ran = subprocess.run(["/bin/sh", "-e", "-c", script], env=self.env, cwd=self.folder,
                             capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, f"{script}\n{ran.stderr}\n{self.said()}"
        return ran.stdout

    def stop(self):
        for process in reversed(self.running):
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(15)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass


@pytest.fixture
def place(tmp_path, build):
    made = Place(tmp_path, build)
    yield made
    made.stop()


def follow(place, *names, before_asking=None):
    """Writes the files of these sections and does what they say; nothing is asked of the port
    before `before_asking` was called. Returns how many answers were compared."""
    blocks = [b for name in names for b in BLOCK.findall(sections()[name])]
    for path, _, text in blocks:
        if path:
            place.write(path, text)
    answer, compared = None, 0
    for path, language, text in blocks:
        if path:
            continue
        if language == "sh" and text.rstrip().endswith("&"):
            place.start_all(text)
            if before_asking:
                before_asking()
        elif language == "sh":
            answer = place.sh(place.put(text.replace("curl ", "curl -sS ")))
        elif language == "text":
            assert answer == text, place.said()
            compared += 1
    return compared


def configure(place, name, text):
    path = place.folder / name
    path.write_text(text.format(srv=place.srv, run=place.run, etc=place.etc, port=place.port))
    return str(path)


def test_php(place):
    fpm = next(iter(sorted(Path("/usr/sbin").glob("php-fpm*"))))
    place.start(str(fpm), "-F", "-y", configure(place, "fpm.conf", PHP_POOL))
    place.wait_for(f"{place.run}/php/php-fpm.sock")
    assert follow(place, "PHP") == 1


@pytest.mark.parametrize("recipe", ["git", "Perl", "Python", "C"])
def test_recipe(place, recipe):
    assert follow(place, recipe) == 1


def web_server(place, *command):
    place.start(*command)
    place.wait_for()


def test_behind_nginx(place):
    conf = configure(place, "nginx.conf", NGINX)
    (place.etc / "nginx").mkdir()
    (place.etc / "nginx/fastcgi_params").write_bytes(Path("/etc/nginx/fastcgi_params").read_bytes())
    Path(conf).write_text(Path(conf).read_text().replace("include ", "include ", 1))
    (place.folder / "fastcgi_params").write_bytes(Path("/etc/nginx/fastcgi_params").read_bytes())
    start = lambda: web_server(place, "nginx", "-p", str(place.folder), "-c", conf)
    assert follow(place, "Behind nginx", before_asking=start) == 1


@pytest.mark.parametrize("name,conf,command", [
    ("Behind Apache", APACHE, ["apache2", "-DFOREGROUND", "-f"]),
    ("Behind lighttpd", LIGHTTPD, ["lighttpd", "-D", "-f"]),
])
def test_behind_another(place, name, conf, command):
    """The other web servers stand in front of the gale of nginx's recipe, and are asked the same."""
    for path, _, text in BLOCK.findall(sections()[name]):
        place.write(path, text)
    path = configure(place, "web.conf", conf)
    start = lambda: web_server(place, *command, path)
    assert follow(place, "Behind nginx", before_asking=start) == 1


def test_every_recipe_is_run():
    assert list(sections()) == ["PHP", "git", "Perl", "Python", "C", "Behind nginx",
                                "Behind Apache", "Behind lighttpd"]
