"""Debian's DokuWiki on a php-fpm of its own: its programs as they are installed, configuration and
pages in a folder of the test. And a browser that keeps cookies."""
import hashlib
import http.client
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from harness import wait_for

ROOT = Path("/usr/share/dokuwiki")
PHP_FPM = next(iter(sorted(Path("/usr/sbin").glob("php-fpm*"))), "php-fpm")
DATA = ["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta",
        "pages", "tmp"]

POOL = """
[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
user = www-data
group = www-data
listen = {folder}/fpm.sock
listen.owner = www-data
listen.group = www-data
listen.mode = 0660
pm = static
pm.max_children = 4
php_value[auto_prepend_file] = {folder}/prepend.php
php_value[session.save_path] = {folder}/sessions
"""

LOCAL = """<?php
$conf['title'] = 'gale reads a wiki';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['savedir'] = '%s/data';
$conf['updatecheck'] = 0;
$conf['userewrite'] = 2;
"""


def _configure(folder):
    conf = folder / "conf"
    shutil.copytree("/etc/dokuwiki", conf, ignore=shutil.ignore_patterns("*.auth.php", "*.conf.php"))
    (conf / "local.php").write_text(LOCAL % folder)
    (conf / "acl.auth.php").write_text("# <?php exit()?>\n* @ALL 1\n* @user 8\n")
    secret = hashlib.md5(b"secret").hexdigest()
    (conf / "users.auth.php").write_text(
        f"# <?php exit()?>\nadmin:{secret}:The Keeper:a@example.org:admin,user\n")
    (folder / "prepend.php").write_text(
        f"<?php define('DOKU_MAIN_CONF', '{conf}/'); define('DOKU_CONF', '{conf}/');\n")
    for name in ["sessions", *(f"data/{n}" for n in DATA)]:
        (folder / name).mkdir(parents=True)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            shutil.chown(path, "www-data", "www-data")


class Wiki:
    """php-fpm and what it needs; `socket` is its address."""

    def __init__(self, folder):
        assert ROOT.is_dir(), "dokuwiki is not installed"
        self.folder = folder
        folder.mkdir()
        _configure(folder)
        (folder / "pool.conf").write_text(POOL.format(folder=folder))
        self.socket = f"unix:{folder}/fpm.sock"
        self.process = subprocess.Popen([str(PHP_FPM), "-F", "-y", str(folder / "pool.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def there():
            assert self.process.poll() is None, (folder / "fpm.log").read_text()
            return (folder / "fpm.sock").exists()
        wait_for(there, "php-fpm")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Browser:
    """Follows redirects and keeps cookies."""

    def __init__(self, port, headers=()):
        self.port, self.cookies, self.headers = port, {}, dict(headers)

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        send = {**self.headers, **dict(headers)}
        if self.cookies:
            send["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection.request(method, path, body, send)
        r = connection.getresponse()
        r.text = r.read().decode("utf-8", "replace")
        r.path = path
        for cookie in r.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        connection.close()
        return r

    def get(self, path):
        r = self.ask("GET", path)
        for _ in range(5):
            if r.status not in (301, 302, 303):
                break
            to = urllib.parse.urljoin(r.path, r.headers["Location"])
            to = urllib.parse.urlsplit(to)
            r = self.ask("GET", to.path + ("?" + to.query if to.query else ""))
        return r

    def post(self, path, fields):
        r = self.ask("POST", path, urllib.parse.urlencode(fields),
                     {"Content-Type": "application/x-www-form-urlencoded"})
        if r.status in (301, 302, 303):
            return self.get(urllib.parse.urljoin(path, r.headers["Location"]))
        return r


def hidden_fields(page):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
