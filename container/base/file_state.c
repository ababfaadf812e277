/* file_state.c - fields of struct stat, compared one by one. */
#include "base/file_state.h"

#include <sys/stat.h>

struct file_state file_state_of(const struct stat *info)
{
    return (struct file_state){
        .is_there = true,
        .device = info->st_dev,
        .inode = info->st_ino,
        .size = info->st_size,
        .written = info->st_mtim,
        .changed = info->st_ctim,
    };
}

struct file_state file_state_look(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? file_state_of(&info) : (struct file_state){0};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_state_equals(const struct file_state *a, const struct file_state *b)
{
    return a->is_there == b->is_there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && is_same_time(a->written, b->written) &&
           is_same_time(a->changed, b->changed);
}
