/* sealed.c - memfds, written and read whole. */
#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

int sealed_make(const char *name, struct gale_str text)
{
    scoped_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < text.len;) {
        ssize_t n = write(fd, text.at + done, text.len - done);
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -errno;
    return steal_fd(&fd);
}

int sealed_read(int fd, struct gale_str *out_text)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return -errno;
    size_t len = (size_t)info.st_size, done = 0;
    char *text = memory_alloc(len + 1);
    ssize_t n = 1;
    for (; done < len && n > 0; done += n > 0 ? (size_t)n : 0)
        n = pread(fd, text + done, len - done, (off_t)done);
    if (done < len) {
        int error = n < 0 ? errno : EIO;
        free(text);
        return -error;
    }
    text[len] = 0;
    *out_text = (struct gale_str){text, len};
    return 0;
}
