"""What tests of shortages need: a disk that is soon full, a user whose processes are counted, a
worker that holds every descriptor."""
import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

USER = 200000 + os.getpid()  # nobody else's, so the system counts only what the test starts


# ---- disk ----

@contextlib.contextmanager
def small_disk(folder, size="256k"):
    """Mounts a small file system there; what is in it goes with it."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "none", folder],
                   check=True)
    try:
        yield folder
    finally:
        ctypes.CDLL(None, use_errno=True).umount2(str(folder).encode(), 2)


def fill(folder):
    """Takes what is left; returns the file that holds it."""
    path = folder / "filler"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while os.write(fd, b"x" * 4096):
            pass
    except OSError:
        os.close(fd)
    return path


# ---- processes ----

AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]


def processes_of_user():
    pids = [p for p in Path("/proc").iterdir() if p.name.isdigit()]
    found = []
    for p in pids:
        with contextlib.suppress(OSError):
            if p.stat().st_uid == USER:
                found.append(int(p.name))
    return found


def limit_processes(count):
    """How many processes the user may have, for all that it runs now."""
    for pid in processes_of_user():
        subprocess.run([*AS_USER, "prlimit", "--pid", str(pid), f"--nproc={count}:"], check=False)


# ---- descriptors, memory ----

# /take holds every descriptor that its worker may have but `left`, /give lets go of them; /form
# reads an upload, /thread works on a thread, /memory takes all memory and goes on, /mappings takes
# nearly all mappings, /wait waits.
GREEDY = r"""
#include <gale/gale.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int held[70000], count;

static void give(int n)
{
    while (count > 0 && n-- > 0)
        close(held[--count]);
}

static void take(int left)
{
    while (count < 70000 && (held[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    give(left);
}

static void take_memory(void)
{
    for (size_t size = 1 << 26; size >= 16; size /= 2)
        for (char *p; (p = malloc(size)) != NULL;)
            p[0] = p[size - 1] = 1;
}

/* Each page is a mapping of its own, since its neighbours are of another kind. All but a few. */
static void take_mappings(void)
{
    char *p, *last[8] = {NULL};
    int way = PROT_READ;
    for (int i = 0; (p = mmap(NULL, 4096, way, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED;
         way ^= PROT_READ | PROT_WRITE)
        last[i++ % 8] = p;
    for (int i = 0; i < 8; i++)
        munmap(last[i], 4096);
}

static void work(void *data)
{
    *(int *)data = 7;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const char *path = gale_request_below(req).at;
    (void)state;
    if (strcmp(path, "/take") == 0)
        take(atoi(gale_request_query(req, "left", "0")));
    if (strcmp(path, "/give") == 0)
        give(70000);
    if (strcmp(path, "/memory") == 0) {
        take_memory();
        (void)gale_request_alloc(req, 1 << 20);
    }
    if (strcmp(path, "/mappings") == 0)
        take_mappings();
    if (strcmp(path, "/wait") == 0)
        gale_sleep(300);
    if (strcmp(path, "/form") == 0) {
        struct gale_file file;
        int r = gale_request_file_at(req, 0, &file);
        return r < 0 ? r : gale_reply(res, 200, "text/plain", "%lld\n", (long long)file.size);
    }
    if (strcmp(path, "/thread") == 0) {
        int seven = 0, r = gale_offload(work, &seven);
        return r < 0 ? r : gale_reply(res, 200, "text/plain", "%d\n", seven);
    }
    return gale_reply(res, 200, "text/plain", "%d\n", (int)getpid());
}
GALE_PLUGIN(p) { p->name = "greedy"; p->serve = serve; }
"""

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(size):
    return (b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
            + b"x" * size + b"\r\n--b--\r\n")
