"""What the tests of FastCGI servers share: a section for one, figures, made-up replies."""
import os

from fcgi_server import END, STDOUT, record


def app(server, mount="/", **keys):
    address = server if isinstance(server, str) else server.address
    lines = ["[app f]", f"mount = {mount}", f"fastcgi = {address}"]
    lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines)


def descriptors(g):
    return len(os.listdir(f"/proc/{g.workers()[0]['pid']}/fd"))


def metric(g, name):
    """The sum of a metric over its labels."""
    return sum(value for key, value in g.metrics().items()
               if key == name or key.startswith(name + "{"))


def variables(response):
    head, _, body = response.text.partition("\n\n")
    return dict(line.split("=", 1) for line in head.split("\n")), body


def reply_with(*records):
    def behave(c):
        c.read_request()
        c.raw(b"".join(records))
    return behave


def out(data):
    return record(STDOUT, 1, data)


END_OK = record(STDOUT) + record(END, 1, b"\0" * 8)
