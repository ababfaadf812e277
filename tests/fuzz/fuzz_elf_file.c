/* Any bytes are a file of code: what is read of it lies within it. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/elf_file.h"
#include "process/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool nowhere(void *data, const char *path)
{
    (void)data;
    assert(*path == '/');
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct elf_facts facts;
    struct arena arena;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    arena_init(&arena, NULL, 0);
    int r = elf_file_read(fd, &arena, &facts);
    assert(r == 0 || r == -ENOEXEC || r == -ENODATA);
    if (r == 0) {
        const struct origin origin = {&facts, "/folder", NULL};
        origin_each(&origin, nowhere, NULL);
    }
    arena_finish(&arena);
    return 0;
}
