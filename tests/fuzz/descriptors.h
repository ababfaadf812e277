/* descriptors.h - how many this process has open, for targets that must not leave any behind. */
#pragma once
#include <dirent.h>
#include <stddef.h>

static inline size_t descriptors_open(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}
