"""Web servers that start CGI programs: lighttpd, Apache, nginx with fcgiwrap, gale itself. Each
serves the programs of a folder below /c."""
import os
import shutil
import subprocess

import pytest

from harness import Connection, end_session, free_port, wait_for

LIGHTTPD = """
server.modules = ( "mod_alias", "mod_cgi" )
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.breakagelog = "{folder}/breakage.log"
server.range-requests = "disable"
server.upload-dirs = ( "{folder}" )
alias.url = ( "/c/" => "{programs}/" )
$HTTP["url"] =~ "^/c/" {{ cgi.assign = ( "" => "" ) }}
"""

APACHE = """
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so
ServerName test
Listen 127.0.0.1:{port}
{user}
PidFile {folder}/pid
ErrorLog {folder}/error.log
Mutex file:{folder}
DocumentRoot {folder}
StartServers 2
AllowEncodedSlashes NoDecode
ScriptAlias /c/ {programs}/
<Directory {programs}>
    Require all granted
</Directory>
"""

NGINX = """
{user}
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2; proxy_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port};
        location /c/ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_split_path_info ^(/c/[^/]+)(.*)$;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param SCRIPT_FILENAME {root}$fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_pass unix:{folder}/wrap.sock;
        }}
    }}
}}
"""


class WebServer:
    def __init__(self, port, log):
        self.port, self.log_file = port, log

    def request(self, method="GET", path="/", headers=(), body=None):
        with self.connect() as c:
            return c.request(method, path, {"Connection": "close", **dict(headers)}, body)

    def connect(self):
        return Connection(("127.0.0.1", self.port))

    def stderr(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


def _answers(port, process, log):
    assert process.poll() is None, log.read_text() if log.exists() else "it ended"
    try:
        Connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return False
    return True


@pytest.fixture
def web_server(gale, tmp_path, request):
    """web_server(name, programs) starts one."""
    running = []

    def run(*command):
        running.append(subprocess.Popen([str(word) for word in command],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=tmp_path,
                                        start_new_session=True))
        return running[-1]

    def start(name, programs):
        if name == "gale":
            g = gale(f"[app c]\nmount = /c\ncgi = {programs}\n", name="outer")
            return g
        folder = tmp_path / name
        folder.mkdir()
        port, log, conf = free_port(), folder / "error.log", folder / "conf"
        is_root = os.geteuid() == 0
        user = {"apache": "User nobody\nGroup nogroup", "nginx": "user root;"}.get(name, "")
        text = {"lighttpd": LIGHTTPD, "apache": APACHE, "nginx": NGINX}[name]
        conf.write_text(text.format(folder=folder, programs=programs, port=port,
                                    root=programs.parent, user=user if is_root else ""))
        if name == "lighttpd":
            process = run("lighttpd", "-D", "-f", conf)
        elif name == "apache":
            process = run("apache2", "-X", "-f", conf)
        else:
            run("fcgiwrap", "-f", "-c", "4", "-s", f"unix:{folder}/wrap.sock")
            wait_for((folder / "wrap.sock").exists, "fcgiwrap")
            process = run("nginx", "-c", conf, "-p", folder)
        wait_for(lambda: _answers(port, process, log), name)
        return WebServer(port, log)

    for program in ("lighttpd", "apache2", "nginx", "fcgiwrap"):
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        assert shutil.which(program, path=path), f"{program} is not installed"
    old, os.environ["PATH"] = os.environ["PATH"], path
    yield start
    os.environ["PATH"] = old
    for process in reversed(running):
        end_session(process)
