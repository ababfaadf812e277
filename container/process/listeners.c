/* listeners.c - preparing, committing and leaving. */
#include "process/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/setting.h"
#include "base/str.h"
#include "net/port_group.h"
#include "net/tcp_server.h"
#include "process/port_owner.h"

enum { NAMES_MAX = 8, LEAVE_MS = 2000, FIRST_INHERITED = 3 };

/* ---- inherited sockets ---- */

static unsigned long environment_number(const char *name)
{
    uint64_t number = 0;
    const char *text = getenv(name);
    return text && str_to_u64(str_of(text), &number) == 0 ? number : 0;
}

void listeners_init(struct listeners *listeners)
{
    *listeners = (struct listeners){0};
    if (environment_number("LISTEN_PID") == (unsigned long)getpid()) {
        size_t count = environment_number("LISTEN_FDS");
        listeners->inherited = memory_zalloc((count + 1) * sizeof(int));
        for (size_t i = 0; i < count && fcntl(FIRST_INHERITED + (int)i, F_GETFD) >= 0; i++)
            listeners->inherited[listeners->inherited_count++] = FIRST_INHERITED + (int)i;
    }
    /* They are ours: workers and their children are not to take them for theirs. */
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

/* The inherited socket of that address, taken out of those that wait for a name, or -1. */
static int take_inherited(struct listeners *listeners, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < listeners->inherited_count; i++) {
        struct endpoint local;
        bool listens;
        int fd = listeners->inherited[i];
        if (port_group_local(fd, &local, &listens) < 0 || !endpoint_equals(&local, endpoint))
            continue;
        listeners->inherited[i] = listeners->inherited[--listeners->inherited_count];
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
    }
    return -1;
}

/* ---- one address ---- */

static bool is_unix(const struct endpoint *endpoint)
{
    return endpoint->addr.any.sa_family == AF_UNIX;
}

static const char *unix_path(const struct listen_address *address)
{
    const char *path = address->endpoint.addr.un.sun_path;
    return is_unix(&address->endpoint) && *path ? path : NULL;
}

static uint64_t path_inode(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? (uint64_t)info.st_ino : 0;
}

static void close_from(struct listen_address *address, unsigned place)
{
    while (address->count > place)
        close(address->fds[--address->count]);
    if (address->listening > address->count)
        address->listening = address->count;
}

static void address_destroy(struct listen_address *address)
{
    const char *path = unix_path(address);
    bool is_ours = path && !address->is_inherited && address->count;
    if (is_ours && path_inode(path) == address->inode)
        (void)unlink(path);
    close_from(address, 0);
    free(address->fds);
    free(address->text);
    free(address);
}

static void add_socket(struct listen_address *address, int fd)
{
    address->fds = memory_realloc(address->fds, (address->count + 1) * sizeof(int));
    address->fds[address->count++] = fd;
}

/* Also for a socket that was there before: the configuration may say something else now. */
static void give_access(const struct listeners *listeners, const struct listen_address *address)
{
    const struct listen_access *access = &listeners->access;
    const char *path = unix_path(address);
    bool is_ours = path && (!address->inode || path_inode(path) == address->inode);
    if (!is_ours)
        return;
    if ((access->mode && chmod(path, (mode_t)access->mode) < 0) ||
        (access->has_owner && chown(path, access->uid, access->gid) < 0))
        log_warn("who may connect to a socket cannot be changed", LOG_TEXT("path", path),
                 LOG_ERRNO(-errno));
}

static int open_shared(struct listeners *listeners, struct listen_address *address, int backlog)
{
    int fd = take_inherited(listeners, &address->endpoint);
    address->is_inherited = fd >= 0;
    if (fd < 0 && !is_unix(&address->endpoint))
        return 0; /* an ordinary TCP address */
    if (fd < 0)
        fd = tcp_listen(&address->endpoint, false, listeners->access.mode, backlog);
    if (fd < 0)
        return fd;
    if (!address->is_inherited)
        give_access(listeners, address);
    add_socket(address, fd);
    address->is_shared = true;
    address->listening = 1;
    if (unix_path(address))
        address->inode = path_inode(unix_path(address));
    return 0;
}

static int bind_places(struct listen_address *address, unsigned workers)
{
    if (address->is_shared)
        return 0;
    int r = address->count ? 0 : port_group_probe(&address->endpoint);
    while (r == 0 && address->count < workers) {
        int fd = port_group_bind(&address->endpoint);
        if (fd < 0)
            return fd;
        add_socket(address, fd);
    }
    return r;
}

/* ---- errors ---- */

static char *in_use(const struct listen_address *address)
{
    struct port_owner owner;
    const char *advice = "stop it or choose another `listen`";
    if (is_unix(&address->endpoint))
        return memory_printf("%s is in use by another process: %s", address->text, advice);
    if (!port_owner_find(&address->endpoint, &owner))
        return memory_printf("%s is in use by another process: %s", address->text, advice);
    if (owner.pid == getpid())
        return memory_printf("%s overlaps another address of this `listen`: take one away",
                             address->text);
    return memory_printf("%s is in use by another process (%s, pid %d): %s", address->text,
                         owner.name, (int)owner.pid, advice);
}

static char *explain(const struct listen_address *address, int r)
{
    const char *path = unix_path(address);
    switch (-r) {
    case EADDRINUSE:
        return in_use(address);
    case EACCES:
    case EPERM:
        if (path)
            return memory_printf("%s: no permission to make this socket: check its folder",
                                 address->text);
        return memory_printf("%s: no permission to listen there: ports below 1024 need root or "
                             "CAP_NET_BIND_SERVICE",
                             address->text);
    case EADDRNOTAVAIL:
        return memory_printf("%s: this machine has no such address: see `ip address`",
                             address->text);
    case ENOENT:
        return path ? memory_printf("%s: its folder does not exist: make it first", address->text)
                    : memory_printf("%s: no host is known by this name", address->text);
    case EMFILE:
        return memory_printf("%s: too many open descriptors: raise `ulimit -n`", address->text);
    default:
        return memory_printf("%s: cannot listen there: %s", address->text, strerror(-r));
    }
}

/* ---- the set ---- */

static struct listen_address *find(struct listeners *listeners, const char *text)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (strcmp(listeners->addresses[i]->text, text) == 0)
            return listeners->addresses[i];
    return NULL;
}

static struct listen_address *add(struct listeners *listeners, const char *text,
                                  const struct endpoint *endpoint)
{
    struct listen_address *address = memory_zalloc(sizeof(*address));
    address->text = memory_copy(text, strlen(text));
    address->endpoint = *endpoint;
    listeners->addresses =
        memory_realloc(listeners->addresses, (listeners->count + 1) * sizeof(address));
    return listeners->addresses[listeners->count++] = address;
}

static void remove_at(struct listeners *listeners, size_t index)
{
    address_destroy(listeners->addresses[index]);
    listeners->count--;
    memmove(&listeners->addresses[index], &listeners->addresses[index + 1],
            (listeners->count - index) * sizeof(*listeners->addresses));
}

static void forget(struct listeners *listeners, const struct listen_address *address)
{
    for (size_t i = listeners->count; i-- > 0;)
        if (listeners->addresses[i] == address)
            remove_at(listeners, i);
}

static bool is_given_twice(const struct listeners *listeners, const struct listen_address *address)
{
    if (address->is_wanted)
        return true;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listen_address *other = listeners->addresses[i];
        if (other != address && other->is_wanted &&
            endpoint_equals(&other->endpoint, &address->endpoint))
            return true;
    }
    return false;
}

/* One of the addresses of a name, such as localhost's ::1, may be none of this machine. */
static bool is_foreign(int r)
{
    return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT;
}

static int prepare_one(struct listeners *listeners, struct listen_address *address,
                       unsigned workers, int backlog, char **out_error)
{
    if (is_given_twice(listeners, address)) {
        *out_error = memory_printf("%s is given twice in `listen`", address->text);
        return -EINVAL;
    }
    address->is_wanted = true;
    int r = address->count ? 0 : open_shared(listeners, address, backlog);
    if (r == 0)
        r = bind_places(address, workers);
    if (r < 0 && !is_foreign(r))
        *out_error = explain(address, r);
    return r;
}

/* A name may have several addresses, each a listener of its own; the first goes by the name. */
static int prepare_text(struct listeners *listeners, const char *text, unsigned workers,
                        int backlog, char **out_error)
{
    struct endpoint endpoints[NAMES_MAX];
    char printed[ENDPOINT_TEXT];
    struct gale_str named = str_of(text);
    (void)config_listen_is_fastcgi(&named);
    int count = port_group_resolve(named, endpoints, NAMES_MAX), r = count, bound = 0;
    for (int i = 0; i < count; i++) {
        const char *name = i ? endpoint_print(&endpoints[i], printed) : text;
        struct listen_address *address = find(listeners, name);
        if (!address)
            address = add(listeners, name, &endpoints[i]);
        r = prepare_one(listeners, address, workers, backlog, out_error);
        if (r < 0 && !is_foreign(r))
            return r;
        bound += r == 0;
        if (r < 0)
            forget(listeners, address);
    }
    if (bound)
        return 0;
    struct listen_address none = {.text = (char *)text};
    *out_error = explain(&none, r);
    return r;
}

int listeners_prepare(struct listeners *listeners, const struct setting_list *listen,
                      unsigned workers, int backlog, char **out_error)
{
    for (size_t i = 0; i < listeners->count; i++)
        listeners->addresses[i]->is_wanted = false;
    for (size_t i = 0; i < listen->len; i++) {
        int r = prepare_text(listeners, listen->items[i], workers, backlog, out_error);
        if (r < 0) {
            listeners_cancel(listeners);
            return r;
        }
    }
    listeners->workers = workers;
    return 0;
}

void listeners_cancel(struct listeners *listeners)
{
    for (size_t i = listeners->count; i-- > 0;) {
        struct listen_address *address = listeners->addresses[i];
        address->is_wanted = address->live > 0;
        if (!address->live)
            remove_at(listeners, i);
        else
            close_from(address, address->live);
    }
}

bool listeners_will_close(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (!listeners->addresses[i]->is_wanted)
            return true;
    return false;
}

/* ---- commit ---- */

static int listen_all(struct listen_address *address, int backlog)
{
    /* Another instance may have come between: whoever listens first has it. */
    int r = address->listening ? 0 : port_group_probe(&address->endpoint);
    while (r == 0 && address->listening < address->count) {
        r = port_group_listen(address->fds[address->listening], backlog);
        address->listening += r == 0;
    }
    return r;
}

static void steer(struct listeners *listeners, struct listen_address *address)
{
    address->target = listeners->workers;
    bool leaves = address->live > address->target;
    int r = port_group_steer(address->fds[0], leaves ? address->target : 0);
    if (r < 0)
        log_warn("connections cannot be steered away from sockets that leave; a few may be reset",
                 LOG_TEXT("listen", address->text), LOG_ERRNO(r));
    if (leaves)
        listeners->steered_ms = clock_mono_ms();
}

int listeners_commit(struct listeners *listeners, int backlog, char **out_error)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listen_address *address = listeners->addresses[i];
        int r = address->is_wanted && !address->is_shared ? listen_all(address, backlog) : 0;
        if (r < 0) {
            *out_error = explain(address, r);
            return r;
        }
    }
    listeners->steered_ms = 0;
    listeners->is_retired = false;
    for (size_t i = listeners->count; i-- > 0;) {
        struct listen_address *address = listeners->addresses[i];
        address->live = address->listening;
        if (!address->is_wanted)
            remove_at(listeners, i);
        else if (!address->is_shared)
            steer(listeners, address);
        else if (!address->is_inherited)
            give_access(listeners, address);
    }
    return 0;
}

/* ---- leaving ---- */

bool listeners_is_leaving(const struct listeners *listeners)
{
    return listeners->steered_ms != 0;
}

static bool is_leaving(const struct listen_address *address)
{
    return !address->is_shared && address->live > address->target;
}

static bool has_queue(const struct listen_address *address)
{
    for (unsigned place = address->target; place < address->live; place++)
        if (port_group_queued(address->fds[place]) > 0)
            return true;
    return false;
}

static void close_leaving(struct listen_address *address)
{
    for (unsigned place = address->target; place < address->live; place++)
        port_group_close(address->fds[place]);
    address->count = address->listening = address->live = address->target;
    (void)port_group_steer(address->fds[0], 0);
}

/* Handshakes that were under way when steering began still end in the old queue: they get
 * LEAVE_MS. */
int listeners_settle(struct listeners *listeners, int64_t now_ms)
{
    int place = -1;
    if (!listeners->steered_ms || now_ms - listeners->steered_ms < LEAVE_MS)
        return -1;
    for (size_t i = 0; i < listeners->count; i++) {
        struct listen_address *address = listeners->addresses[i];
        if (!is_leaving(address))
            continue;
        if (listeners->is_retired)
            close_leaving(address);
        else if (has_queue(address))
            return -1;
        else
            place = (int)address->target;
    }
    if (listeners->is_retired)
        listeners->steered_ms = 0;
    listeners->is_retired = !listeners->is_retired;
    return place;
}

/* ---- handing out ---- */

void listeners_each(const struct listeners *listeners, bool prepared,
                    void (*fn)(void *data, int fd, int place), void *data)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listen_address *address = listeners->addresses[i];
        if (prepared ? !address->is_wanted : !address->live)
            continue;
        unsigned count = prepared ? address->count : address->live;
        for (unsigned place = 0; place < count; place++)
            fn(data, address->fds[place], address->is_shared ? LISTENER_SHARED : (int)place);
    }
}

void listeners_restore(struct listeners *listeners, const struct listen_address *as, const int *fds)
{
    struct listen_address *address = add(listeners, as->text, &as->endpoint);
    for (unsigned place = 0; place < as->count; place++)
        add_socket(address, fds[place]);
    address->listening = as->listening;
    address->live = as->live;
    address->target = as->target;
    address->is_shared = as->is_shared;
    address->is_inherited = as->is_inherited;
    address->is_wanted = true;
    address->inode = as->inode;
}

void listeners_restore_inherited(struct listeners *listeners, int fd)
{
    size_t count = listeners->inherited_count;
    listeners->inherited = memory_realloc(listeners->inherited, (count + 1) * sizeof(int));
    listeners->inherited[listeners->inherited_count++] = fd;
}

void listeners_finish(struct listeners *listeners)
{
    while (listeners->count)
        remove_at(listeners, listeners->count - 1);
    for (size_t i = 0; i < listeners->inherited_count; i++)
        close(listeners->inherited[i]);
    free(listeners->inherited);
    free(listeners->addresses);
    *listeners = (struct listeners){0};
}
