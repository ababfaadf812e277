/* log_files.h - the files of a configuration's logs, opened by the master for all workers.
 *
 * Workers may not be allowed to open them, and all must write to the same ones after a rotation:
 * so the master opens and reopens them and hands descriptors down. */
#pragma once

struct log_files {
    char *error_path, *access_path; /* owned; NULL: a standard stream, or off */
    int error_fd, access_fd;        /* owned where there is a path; access -1: off */
};

/* Opens both, appending, mode 0640. `error` is a path or "-" (standard error), `access` a path,
 * "-" (standard output) or "off". Returns 0, or -errno and *out_error (owned). */
int log_files_open(struct log_files *files, const char *error, const char *access,
                   char **out_error);
/* Opens the paths anew; where that fails the old file stays. 0, or -errno and *out_error. */
int log_files_reopen(struct log_files *files, char **out_error);
void log_files_close(struct log_files *files);
