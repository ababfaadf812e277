/* copy_file.h - the bytes of one file, taken while nobody changes them. */
#pragma once
#include <stdbool.h>
#include "base/digest.h"
#include "base/file_state.h"

struct copy_file {
    struct digest digest;
    struct file_state state; /* of the source */
    bool is_full;            /* it failed because the copy could not be written */
};

/* Copies everything of `from` to `to`, which is empty, sharing the blocks where the file system
 * can. Writers wait meanwhile where a lease can be had; else a change is seen afterwards. Returns
 * 0, -EBUSY when somebody has the file open for writing or changed it meanwhile, or -errno. */
int copy_file(int from, int to, struct copy_file *out_copy);
