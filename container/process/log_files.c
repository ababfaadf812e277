/* log_files.c - opening log files, and opening them again. */
#include "process/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

/* A pipe is opened to read, too: it need not have a reader yet, and may lose it and get another. */
static int open_log(const char *path, char **out_error)
{
    struct stat info;
    bool is_pipe = stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
    int fd =
        open(path,
             (is_pipe ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
             0640);
    if (fd >= 0)
        return fd;
    int r = -errno;
    *out_error = memory_printf("cannot open the log %s: %s", path, strerror(-r));
    return r;
}

static int open_or_standard(const char *text, int standard, char **out_path, char **out_error)
{
    if (strcmp(text, "-") == 0)
        return standard;
    int fd = open_log(text, out_error);
    if (fd >= 0)
        *out_path = memory_copy(text, strlen(text));
    return fd;
}

int log_files_open(struct log_files *files, const char *error, const char *access, char **out_error)
{
    *files = (struct log_files){.error_fd = STDERR_FILENO, .access_fd = -1};
    int r = open_or_standard(error, STDERR_FILENO, &files->error_path, out_error);
    if (r < 0)
        return r;
    files->error_fd = r;
    if (strcmp(access, "off") == 0)
        return 0;
    r = open_or_standard(access, STDOUT_FILENO, &files->access_path, out_error);
    if (r < 0) {
        log_files_close(files);
        return r;
    }
    files->access_fd = r;
    return 0;
}

static int reopen(const char *path, int *fd, char **out_error)
{
    int fresh = path ? open_log(path, out_error) : -1;
    if (fresh < 0)
        return path ? fresh : 0;
    close(*fd);
    *fd = fresh;
    return 0;
}

int log_files_reopen(struct log_files *files, char **out_error)
{
    int r = reopen(files->error_path, &files->error_fd, out_error);
    if (r < 0)
        return r;
    return reopen(files->access_path, &files->access_fd, out_error);
}

void log_files_close(struct log_files *files)
{
    if (files->error_path)
        close(files->error_fd);
    if (files->access_path)
        close(files->access_fd);
    free(files->error_path);
    free(files->access_path);
    *files = (struct log_files){.error_fd = STDERR_FILENO, .access_fd = -1};
}
