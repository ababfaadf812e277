/* port_owner.c - from the port to the socket's inode, from there to whoever has it open. */
#include "process/port_owner.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "net/endpoint.h"

enum { STATE_LISTEN = 0x0A, INODES = 64 };

struct inodes {
    unsigned long at[INODES];
    size_t len;
};

static void read_table(const char *path, unsigned port, struct inodes *inodes)
{
    char line[512];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file) && inodes->len < INODES) {
        unsigned local, state;
        unsigned long inode;
        /* sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode */
        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu", &local,
                   &state, &inode) == 3 &&
            local == port && state == STATE_LISTEN)
            inodes->at[inodes->len++] = inode;
    }
    if (file)
        fclose(file);
}

static bool is_one_of(const struct inodes *inodes, const char *link)
{
    unsigned long inode;
    if (sscanf(link, "socket:[%lu]", &inode) != 1)
        return false;
    for (size_t i = 0; i < inodes->len; i++)
        if (inodes->at[i] == inode)
            return true;
    return false;
}

static bool has_one_open(const char *pid, const struct inodes *inodes)
{
    char path[300], link[64];
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = 0;
        found = n > 0 && is_one_of(inodes, link);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void read_name(const char *pid, struct port_owner *owner)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(owner->name, sizeof(owner->name), file))
        owner->name[strcspn(owner->name, "\n")] = 0;
    if (file)
        fclose(file);
}

bool port_owner_find(const struct endpoint *endpoint, struct port_owner *out_owner)
{
    struct inodes inodes = {.len = 0};
    bool is_v6 = endpoint->addr.any.sa_family == AF_INET6;
    unsigned port = ntohs(is_v6 ? endpoint->addr.v6.sin6_port : endpoint->addr.v4.sin_port);
    read_table("/proc/net/tcp", port, &inodes);
    read_table("/proc/net/tcp6", port, &inodes);
    DIR *proc = inodes.len ? opendir("/proc") : NULL;
    bool found = false;
    for (struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        if ((found = has_one_open(entry->d_name, &inodes))) {
            *out_owner = (struct port_owner){.pid = (pid_t)atoi(entry->d_name)};
            read_name(entry->d_name, out_owner);
        }
    }
    if (proc)
        closedir(proc);
    return found;
}
