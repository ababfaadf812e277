"""Web servers from Debian that speak FastCGI to a gale behind them, each on a port of its own.

    with WebServer("nginx", folder, address, kept=True) as server:
        Connection(("127.0.0.1", server.port))

`address` is what gale listens on: unix:PATH or HOST:PORT. All of gale is at /, and once more below
/outer, where the web server mounts it.
"""
import subprocess

from harness import Connection, free_port, wait_for

NGINX = """
user root; daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2; proxy_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    client_max_body_size 0;
    upstream gale {{ server {nginx_address}; {nginx_keepalive} }}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        include /etc/nginx/fastcgi_params;
        fastcgi_keep_conn {on_off};
        fastcgi_request_buffering off; fastcgi_buffering off;
        location / {{ fastcgi_pass gale; }}
        location /outer/ {{
            fastcgi_split_path_info ^(/outer)(/.*)$;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_pass gale;
        }}
    }}
}}
"""
APACHE = """
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/error.log
User www-data
Group www-data
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
LoadModule setenvif_module modules/mod_setenvif.so
LoadModule ssl_module modules/mod_ssl.so
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
ServerLimit 1
StartServers 1
ThreadsPerChild 24
MaxRequestWorkers 24
MinSpareThreads 1
MaxSpareThreads 24
AllowEncodedSlashes NoDecode
ProxyFCGIBackendType GENERIC
ProxyFCGISetEnvIf "reqenv('REQUEST_URI') =~ m#^/outer/#" SCRIPT_NAME "/outer"
ProxyFCGISetEnvIf "reqenv('REQUEST_URI') =~ m#^/outer(/[^?]*)#" PATH_INFO "$1"
<Location "/">
    CGIPassAuth on
</Location>
ProxyPass "/" "{apache_address}/" enablereuse={on_off} flushpackets=on max=24
<VirtualHost 127.0.0.1:{port}>
</VirtualHost>
<VirtualHost 127.0.0.1:{tls_port}>
    SSLEngine on
    SSLCertificateFile {folder}/cert.pem
    SSLCertificateKeyFile {folder}/key.pem
</VirtualHost>
"""

LIGHTTPD = """
server.modules = ("mod_fastcgi")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
# Streaming it would refuse whatever is chunked, with 411.
server.stream-request-body = 0
server.stream-response-body = 2
server.upload-dirs = ("{folder}")
fastcgi.server = ("/outer" => (({lighttpd_address}, "check-local" => "disable")),
                  "/" => (({lighttpd_address}, "check-local" => "disable",
                           "fix-root-scriptname" => "enable")))
"""

COMMANDS = {
    "nginx": (NGINX, ["/usr/sbin/nginx", "-p", "{folder}", "-c", "{folder}/conf"]),
    "apache": (APACHE, ["/usr/sbin/apache2", "-DFOREGROUND", "-f", "{folder}/conf"]),
    "lighttpd": (LIGHTTPD, ["/usr/sbin/lighttpd", "-D", "-f", "{folder}/conf"]),
}


def _addresses(address):
    """The same address as each of them writes it."""
    path = address.removeprefix("unix:") if address.startswith("unix:") else None
    host, _, port = address.rpartition(":")
    return {
        "nginx_address": address,
        "apache_address": f"unix:{path}|fcgi://gale" if path else f"fcgi://{address}",
        "lighttpd_address": f'"socket" => "{path}"' if path else
                            f'"host" => "{host}", "port" => {port}',
    }


class WebServer:
    def __init__(self, kind, folder, address, kept):
        self.kind, self.folder = kind, folder
        self.port, self.tls_port = free_port(), free_port()
        folder.mkdir()
        folder.chmod(0o777)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", str(folder / "key.pem"),
                        "-out", str(folder / "cert.pem")], check=True, stderr=subprocess.DEVNULL)
        text, command = COMMANDS[kind]
        (folder / "conf").write_text(text.format(
            folder=folder, port=self.port, tls_port=self.tls_port, on_off="on" if kept else "off",
            nginx_keepalive="keepalive 8;" if kept else "", **_addresses(address)))
        self.output = (folder / "output").open("wb")
        self.process = subprocess.Popen([part.format(folder=folder) for part in command],
                                        stdout=self.output, stderr=self.output)
        wait_for(self.serves, kind)

    @property
    def address(self):
        return "127.0.0.1", self.port

    def serves(self):
        assert self.process.poll() is None, self.said()
        try:
            Connection(self.address).close()
            return True
        except OSError:
            return False

    def said(self):
        files = [self.folder / "output", self.folder / "error.log"]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.output.close()
