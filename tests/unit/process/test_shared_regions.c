/* test_shared_regions.c - the same memory for the same name and size, another one otherwise. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/shared_regions.h"
#include "unit.h"

static ino_t inode(int fd)
{
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    return info.st_ino;
}

START_TEST(keeps_regions_apart)
{
    struct shared_regions regions = {0};
    int fd = shared_regions_find(&regions, "app", "name", 4096);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(shared_regions_find(&regions, "app", "name", 4096), fd);
    ck_assert_uint_ne(inode(shared_regions_find(&regions, "app", "other", 4096)), inode(fd));
    ck_assert_uint_ne(inode(shared_regions_find(&regions, "other", "name", 4096)), inode(fd));
    ck_assert_uint_eq(regions.len, 3);

    char *old = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    old[0] = 'x';
    int resized = shared_regions_find(&regions, "app", "name", 8192);
    char *new = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, resized, 0);
    ck_assert_int_eq(new[0], 0);
    ck_assert_int_eq(old[0], 'x'); /* who has the old one keeps it */
    ck_assert_uint_eq(regions.len, 3);
    ck_assert_int_eq(ftruncate(resized, 1), -1);
    munmap(old, 4096);
    munmap(new, 8192);
    shared_regions_finish(&regions);
}
END_TEST

START_TEST(has_limits)
{
    struct shared_regions regions = {0};
    char name[32];
    ck_assert_int_eq(shared_regions_find(&regions, "a", "n", 0), -EINVAL);
    ck_assert_int_eq(shared_regions_find(&regions, "a", "n", SIZE_MAX), -EINVAL);
    ck_assert_uint_eq(regions.len, 0);
    for (int i = 0; i < SHARED_REGIONS_MAX; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        if (shared_regions_find(&regions, "a", name, 1) == -EMFILE)
            break;
    }
    int r = shared_regions_find(&regions, "a", "one more", 1);
    ck_assert(r == -ENOSPC || r == -EMFILE);
    ck_assert_int_ge(shared_regions_find(&regions, "a", "n0", 1), 0);
    shared_regions_finish(&regions);
}
END_TEST

UNIT_MAIN(keeps_regions_apart, has_limits)
