/* file_state.h - what stat tells of a file, so that two looks at it can be compared. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct stat;

struct file_state {
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed; /* mtime, ctime */
};

struct file_state file_state_of(const struct stat *info);
/* Of the path, or of what it links to. */
struct file_state file_state_look(const char *path);
bool file_state_equals(const struct file_state *a, const struct file_state *b);
