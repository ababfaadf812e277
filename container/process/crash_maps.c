/* crash_maps.c - /proc/self/maps, read without the C library's help.
 *
 *   7f12a000-7f12c000 r-xp 00001000 fe:01 1234    /srv/shop.so
 *   start    end      rights offset device inode  path
 *
 * The loader's own list would need its lock and lies on a heap that may be broken; the kernel's is
 * always right. The mapping of a file's beginning comes before its others, so that the file's head
 * is known when a frame is found in one of those. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/crash_record.h"
#include "process/crash_private.h"

enum { LINE_BYTES = 4096 + 128 };

struct mapping {
    uint64_t start, end, offset;
    bool is_readable;
    const char *path; /* "" or "[heap]" where there is no file */
};

struct head {
    uint64_t start;
    bool is_readable;
    char path[CRASH_PATH];
};

/* Of one dying process: there is one. */
static struct {
    char line[LINE_BYTES], block[4096];
    struct head head;                          /* the last beginning of a file that went by */
    const unsigned char *heads[CRASH_MODULES]; /* where those of the modules lie; NULL: unknown */
    uint32_t hashed;
} work;

/* ---- one line ---- */

static uint64_t read_hex(const char **at)
{
    uint64_t value = 0;
    for (;; ++*at) {
        char c = **at;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

static const char *skip_field(const char *at)
{
    while (*at && *at != ' ')
        at++;
    while (*at == ' ')
        at++;
    return at;
}

static struct mapping parse(const char *at)
{
    struct mapping mapping = {.start = read_hex(&at)};
    at += *at == '-';
    mapping.end = read_hex(&at);
    at = skip_field(at);
    mapping.is_readable = *at == 'r';
    at = skip_field(at);
    mapping.offset = read_hex(&at);
    at = skip_field(at);                       /* to the device */
    mapping.path = skip_field(skip_field(at)); /* past the inode */
    return mapping;
}

/* ---- what it says of the frames ---- */

static void copy_path(char out[CRASH_PATH], const char *path)
{
    size_t len = strnlen(path, CRASH_PATH - 1);
    memcpy(out, path, len);
    out[len] = 0;
}

static unsigned find_module(struct crash_record *record, const struct mapping *mapping)
{
    uint32_t n = record->module_count;
    for (uint32_t i = 0; i < n; i++)
        if (strncmp(record->modules[i].path, mapping->path, CRASH_PATH - 1) == 0)
            return i;
    if (n >= CRASH_MODULES)
        return CRASH_NO_MODULE;
    copy_path(record->modules[n].path, mapping->path);
    const struct head *head = &work.head;
    bool is_known = head->is_readable && strncmp(head->path, mapping->path, CRASH_PATH - 1) == 0;
    work.heads[n] = is_known ? (const unsigned char *)head->start : NULL;
    record->module_count = n + 1;
    return n;
}

static void place_frames(struct crash_record *record, const struct mapping *mapping)
{
    for (uint32_t i = 0; i < record->frame_total && i < CRASH_FRAMES; i++) {
        struct crash_frame *frame = &record->frames[i];
        if (frame->address < mapping->start || frame->address >= mapping->end)
            continue;
        frame->offset = frame->address - mapping->start + mapping->offset;
        frame->module = (uint16_t)find_module(record, mapping);
    }
}

static void take_line(struct crash_record *record)
{
    struct mapping mapping = parse(work.line);
    if (mapping.path[0] != '/' && mapping.path[0] != '[')
        return;
    if (mapping.offset == 0) {
        work.head.start = mapping.start;
        work.head.is_readable = mapping.is_readable && mapping.path[0] == '/';
        copy_path(work.head.path, mapping.path);
    }
    place_frames(record, &mapping);
}

/* Where no descriptor is left, nobody needs standard input any more. */
static int open_maps(void)
{
    static const char path[] = "/proc/self/maps";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 || errno != EMFILE)
        return fd;
    close(STDIN_FILENO);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void crash_maps_write(struct crash_record *record)
{
    size_t len = 0;
    ssize_t n;
    int fd = open_maps();
    while ((n = read(fd, work.block, sizeof(work.block))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            char c = work.block[i];
            if (c != '\n') {
                work.line[len] = c;
                len += len < LINE_BYTES - 1;
                continue;
            }
            work.line[len] = 0;
            len = 0;
            take_line(record);
        }
    }
    close(fd);
}

bool crash_maps_hash(struct crash_record *record)
{
    uint32_t i = work.hashed++;
    if (i >= record->module_count || i >= CRASH_MODULES)
        return false;
    if (work.heads[i])
        record->modules[i].head = crash_head_hash(work.heads[i]);
    return true;
}
