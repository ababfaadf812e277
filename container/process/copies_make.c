/* copies_make.c - the parts of a copy: found one through the other, then given their name.
 *
 * The plugin is the first part. Each part that is copied may name libraries; those found through
 * its $ORIGIN are appended, and looked at when it is their turn. */
#include "process/copies_make.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/elf_file.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/copies.h"
#include "process/copies_folder.h"
#include "process/copy_file.h"
#include "process/origin.h"

enum {
    PARTS_MAX = 256,
    SETTLED_MS = 1000, /* a file that was written this long ago shows each later change */
};
/* What is larger was named by mistake, and copying it would hold the master up for minutes. */
static const off_t file_max = (off_t)2 << 30;

struct part {
    const char *source; /* the path as the loader makes it */
    const char *name;   /* the same without . and .. */
    struct elf_facts facts;
    struct origin origin;
    struct digest digest;
    struct stat info; /* of the original */
    int fd;           /* in memory: owned; -1 */
    bool is_placed;
};

struct job {
    const struct copies_order *order;
    struct arena arena;
    char *root; /* where the parts lie while it is made, owned; NULL: in memory */
    struct part *parts[PARTS_MAX];
    size_t part_count;
    struct copied *copied;
    bool is_full;
    char *error; /* owned */
};

static int fail(struct job *job, int r, const char *path, const char *what)
{
    if (!job->error)
        job->error = memory_printf("%s %s", path, what);
    return r;
}

/* ---- names ---- */

/* Takes . and .. out of an absolute path without asking what is a link: that is how places relate
 * inside the copy, too. Makes the folders on the way below job->root, those that are left by .. as
 * well, since the kernel walks through them. */
static const char *clean_name(struct job *job, const char *path)
{
    char *name = arena_alloc(&job->arena, strlen(path) + 2);
    size_t len = 0;
    for (const char *at = path + strspn(path, "/"); *at;) {
        size_t part = strcspn(at, "/");
        const char *next = at + part + strspn(at + part, "/");
        if (part == 2 && at[0] == '.' && at[1] == '.') {
            while (len && name[--len] != '/')
                ;
        } else if (part != 1 || *at != '.') {
            name[len++] = '/';
            memcpy(name + len, at, part);
            len += part;
        }
        name[len] = 0;
        if (*next && len && job->root) {
            scoped_free char *folder = memory_printf("%s%s", job->root, name);
            (void)mkdir(folder, 0755);
        }
        at = next;
    }
    return name;
}

static void note_source(struct job *job, const char *path, struct file_state state)
{
    struct copied *copied = job->copied;
    copied->sources =
        memory_realloc(copied->sources, (copied->source_count + 1) * sizeof(*copied->sources));
    copied->sources[copied->source_count++] =
        (struct copied_source){memory_copy(path, strlen(path)), state};
}

static struct part *add_part(struct job *job, const char *source, const struct part *loader)
{
    struct part *part = arena_zalloc(&job->arena, sizeof(*part));
    const char *slash = strrchr(source, '/');
    part->source = arena_copy(&job->arena, source, strlen(source)).at;
    part->name = clean_name(job, source);
    part->origin.facts = &part->facts;
    part->origin.folder = arena_copy(&job->arena, source, (size_t)(slash - source)).at;
    part->origin.loader = loader ? &loader->origin : NULL;
    part->fd = -1;
    job->parts[job->part_count++] = part;
    return part;
}

/* ---- copying one part ---- */

static int open_in_memory(const char *name)
{
#ifdef MFD_EXEC
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd >= 0)
        return fd;
#endif
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static int open_target(const struct job *job, const struct part *part)
{
    const char *slash = strrchr(part->name, '/');
    if (!job->root)
        return open_in_memory(slash ? slash + 1 : part->name);
    scoped_free char *path = memory_printf("%s%s", job->root, part->name);
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* Whoever may read the original may read the copy, and nobody may write it. */
static void give_rights(int fd, const struct stat *info)
{
    (void)fchmod(fd, (info->st_mode & 0555) | 0400);
    if (geteuid() == 0 && fchown(fd, info->st_uid, info->st_gid) < 0)
        (void)fchmod(fd, 0400);
}

static int judge_elf(struct job *job, struct part *part, int fd)
{
    int r = elf_file_read(fd, &job->arena, &part->facts);
    if (r == -ENODATA)
        return fail(job, -EBUSY, part->name,
                    "is incomplete: it ends before its own headers say; wait until it is built, or "
                    "build it again");
    return r == -ENOEXEC ? 0 : r; /* what it is instead, the worker says */
}

static int fill(struct job *job, struct part *part, int from, int to)
{
    struct copy_file copy;
    int r = copy_file(from, to, &copy);
    job->is_full |= copy.is_full;
    if (r == -EBUSY)
        return fail(job, r, part->name, "is being written; wait until that is done");
    if (r < 0)
        return fail(job, r, part->name, strerror(-r));
    part->digest = copy.digest;
    note_source(job, part->source, copy.state);
    return judge_elf(job, part, to);
}

static int copy_part(struct job *job, struct part *part)
{
    struct stat *info = &part->info;
    scoped_close int from = open(part->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (from < 0 || fstat(from, info) < 0)
        return fail(job, -errno, part->name, strerror(errno));
    if (!S_ISREG(info->st_mode))
        return fail(job, -ENOEXEC, part->name, "is not a file");
    if (info->st_size > file_max)
        return fail(job, -EFBIG, part->name, "is larger than 2 GiB, which no plugin is");
    scoped_close int to = open_target(job, part);
    if (to < 0) {
        job->is_full = true;
        return fail(job, -errno, part->name, "cannot be copied");
    }
    int r = fill(job, part, from, to);
    if (r < 0)
        return r;
    give_rights(to, info);
    if (!job->root)
        part->fd = steal_fd(&to);
    return 0;
}

/* ---- what it finds ---- */

struct finder {
    struct job *job;
    const struct part *loader;
};

static bool try(void *data, const char *path)
{
    struct finder *finder = data;
    struct job *job = finder->job;
    struct file_state state = file_state_look(path);
    if (!state.is_there) {
        note_source(job, path, state);
        return false;
    }
    const char *name = clean_name(job, path);
    for (size_t i = 0; i < job->part_count; i++)
        if (strcmp(job->parts[i]->name, name) == 0)
            return true;
    if (job->part_count < PARTS_MAX)
        (void)add_part(job, path, finder->loader);
    return true;
}

static int copy_all(struct job *job)
{
    int r = 0;
    (void)add_part(job, job->order->original, NULL);
    for (size_t i = 0; i < job->part_count && r == 0; i++) {
        struct finder finder = {job, job->parts[i]};
        r = copy_part(job, job->parts[i]);
        if (r == 0)
            origin_each(&job->parts[i]->origin, try, &finder);
    }
    return r;
}

/* ---- in memory: what to load first ---- */

static bool is_named(struct gale_str name, const struct part *part)
{
    const char *slash = strrchr(part->name, '/');
    return str_equals(name, str_of(slash + 1));
}

static struct part *find_needed(const struct job *job, struct gale_str name)
{
    for (size_t i = 0; i < job->part_count; i++)
        if (is_named(name, job->parts[i]))
            return job->parts[i];
    return NULL;
}

static bool is_next(const struct job *job, const struct part *part)
{
    for (size_t i = 0; i < part->facts.needed_count; i++) {
        const struct part *needed = find_needed(job, part->facts.needed[i]);
        if (needed && needed != part && !needed->is_placed)
            return false;
    }
    return !part->is_placed;
}

static void place(struct job *job, struct part *part)
{
    struct copied *copied = job->copied;
    part->is_placed = true;
    copied->fds[copied->fd_count++] = steal_fd(&part->fd);
}

/* Libraries before those that need them; in a circle, any. */
static void place_all(struct job *job)
{
    job->copied->fds = memory_zalloc(job->part_count * sizeof(int));
    for (size_t left = job->part_count; left > 1; left--) {
        struct part *next = NULL;
        for (size_t i = job->part_count; i-- > 1;)
            if (!job->parts[i]->is_placed && (!next || is_next(job, job->parts[i])))
                next = job->parts[i];
        assert(next);
        place(job, next);
    }
    place(job, job->parts[0]);
}

/* The loader takes a library that is there already by its SONAME. */
static int check_sonames(struct job *job)
{
    for (size_t i = 1; i < job->part_count; i++)
        if (!is_named(job->parts[i]->facts.soname, job->parts[i]))
            return fail(job, -ENOSPC, job->parts[i]->name,
                        "cannot be loaded from memory, since its SONAME is not its name; make room "
                        "in the folder `state` of [server], and let it be executable");
    return 0;
}

static int finish_in_memory(struct job *job)
{
    int r = check_sonames(job);
    if (r < 0)
        return r;
    for (size_t i = 0; i < job->part_count; i++)
        (void)fcntl(job->parts[i]->fd, F_ADD_SEALS,
                    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    place_all(job);
    struct copied *copied = job->copied;
    copied->root = memory_copy("", 0);
    copied->path = memory_printf("/proc/self/fd/%d", copied->fds[copied->fd_count - 1]);
    return 0;
}

/* ---- on disk: its name ---- */

static int finish_on_disk(struct job *job)
{
    struct copied *copied = job->copied;
    char *root = memory_printf("%s/%s", job->order->folder, copied->digest);
    copied->root = root;
    copied->path = memory_printf("%s%s", root, job->parts[0]->name);
    if (chmod(job->root, 0755) < 0)
        return -errno;
    if (rename(job->root, root) == 0)
        return 0;
    /* The same content was copied before. */
    bool is_there = errno == EEXIST || errno == ENOTEMPTY;
    return is_there ? 0 : fail(job, -errno, root, strerror(errno));
}

/* ---- the whole ---- */

static char *digest_all(const struct job *job)
{
    char text[DIGEST_TEXT];
    size_t len = 0;
    scoped_free char *all = NULL;
    FILE *out = open_memstream(&all, &len);
    if (!out)
        abort();
    for (size_t i = 0; i < job->part_count; i++) {
        const struct part *part = job->parts[i];
        fprintf(out, "%s %o %u %u %s%c", digest_print(&part->digest, text), part->info.st_mode,
                part->info.st_uid, part->info.st_gid, part->name, 0);
    }
    fclose(out);
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, all, len);
    digest_print(&digest, text);
    return memory_copy(text, strlen(text));
}

static bool is_settled(const struct copied *copied)
{
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < copied->source_count; i++) {
        const struct timespec *changed = &copied->sources[i].state.changed;
        int64_t changed_ms = (int64_t)changed->tv_sec * 1000 + changed->tv_nsec / 1000000;
        if (copied->sources[i].state.is_there && now_ms - changed_ms < SETTLED_MS)
            return false;
    }
    return true;
}

static int make(struct job *job)
{
    struct copied *copied = job->copied;
    if (job->root && mkdir(job->root, 0700) < 0) {
        job->is_full = true;
        return fail(job, -errno, job->order->original, "cannot be copied");
    }
    int r = copy_all(job);
    if (r < 0)
        return r;
    copied->digest = digest_all(job);
    copied->is_settled = is_settled(copied);
    return job->root ? finish_on_disk(job) : finish_in_memory(job);
}

static void finish(struct job *job)
{
    for (size_t i = 0; i < job->part_count; i++)
        if (job->parts[i]->fd >= 0)
            close(job->parts[i]->fd);
    if (job->root)
        copies_folder_remove(job->root); /* where it did not become the copy */
    free(job->root);
    arena_finish(&job->arena);
}

int copied_make(const struct copies_order *order, struct copied **out_copied, bool *out_is_full,
                char **out_error)
{
    struct job job = {.order = order, .copied = memory_zalloc(sizeof(*job.copied))};
    arena_init(&job.arena, NULL, 0);
    list_init(&job.copied->link);
    job.copied->original = memory_copy(order->original, strlen(order->original));
    job.root = order->folder ? memory_printf("%s/new", order->folder) : NULL;
    mode_t mask = umask(022); /* workers may be somebody else */
    int r = make(&job);
    (void)umask(mask);
    *out_is_full = job.is_full;
    finish(&job);
    if (r < 0) {
        copied_free(job.copied);
        *out_error = job.error;
        return r;
    }
    free(job.error);
    *out_copied = job.copied;
    return 0;
}

void copied_free(struct copied *copied)
{
    list_remove(&copied->link);
    for (size_t i = 0; i < copied->source_count; i++)
        free(copied->sources[i].path);
    for (size_t i = 0; i < copied->fd_count; i++)
        close(copied->fds[i]);
    free(copied->sources);
    free(copied->fds);
    free(copied->original);
    free(copied->digest);
    free(copied->root);
    free(copied->path);
    free(copied);
}
