/* config_text.c - a sealed memfd, and a stream into memory. */
#include "process/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/setting.h"

char *config_text_errors(const struct setting_errors *errors)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    setting_errors_print(errors, out);
    fclose(out);
    if (len && text[len - 1] == '\n')
        text[len - 1] = 0;
    return text;
}

int config_text_seal(struct gale_str text)
{
    scoped_close int fd = memfd_create("gale-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
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
