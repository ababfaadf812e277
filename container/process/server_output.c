/* server_output.c - a pipe, read at most so fast. */
#include "process/server_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "loop/ioloop.h"

/* At most READ_MAX within PAUSE_MS: 2.5 MiB a second. */
enum { BLOCK = 16 * 1024, READ_MAX = 256 * 1024, PAUSE_MS = 100 };

int server_output_open(struct server_output *output)
{
    int fds[2];
    *output = (struct server_output){.fd = -1};
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    /* The process's end stays as programs expect it. */
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    output->fd = fds[0];
    return fds[1];
}

void server_output_remember(struct server_output *output, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            output->is_line_over = true;
            continue;
        }
        if (output->is_line_over)
            output->last_len = 0;
        output->is_line_over = false;
        if (output->last_len < SERVER_LAST)
            output->last[output->last_len++] = data[i];
    }
    output->last[output->last_len] = 0;
}

static ssize_t take(struct server_output *output)
{
    char block[BLOCK];
    ssize_t n = read(output->fd, block, sizeof(block));
    if (n > 0) {
        output->taken += (size_t)n;
        server_output_remember(output, block, (size_t)n);
        program_lines_take(&output->lines, block, (size_t)n);
    }
    return n;
}

/* One block a turn: others have something to say, too. */
static void on_output(void *data, unsigned events)
{
    struct server_output *output = data;
    (void)events;
    ssize_t n = take(output);
    if (n > 0 && output->taken < READ_MAX) {
        if (!timer_is_running(&output->pause))
            timer_start(output->loop, &output->pause, PAUSE_MS);
        return;
    }
    if (n > 0 || n == 0 || (errno != EAGAIN && errno != EINTR))
        ioloop_forget(output->loop, output->fd);
    if (n == 0) /* closed by the program: it says nothing any more */
        timer_stop(output->loop, &output->pause);
}

static void on_pause_over(void *data)
{
    struct server_output *output = data;
    output->taken = 0;
    (void)ioloop_watch(output->loop, output->fd, IOLOOP_READ, on_output, output);
}

void server_output_watch(struct server_output *output, struct ioloop *loop, struct program_log *log,
                         const char *program, pid_t pid)
{
    snprintf(output->name, sizeof(output->name), "%.100s[%d]", program, (int)pid);
    output->lines = (struct program_lines){.log = log, .program = output->name, .id = STR("-")};
    output->pause = (struct timer){.fn = on_pause_over, .data = output};
    output->loop = loop;
    (void)ioloop_watch(loop, output->fd, IOLOOP_READ, on_output, output);
}

/* A line that has begun, or else the last one. */
void server_output_save(const struct server_output *output, struct buffer *out)
{
    const struct program_lines *lines = &output->lines;
    if (lines->len)
        buffer_add(out, lines->line, lines->len);
    else
        buffer_printf(out, "%s\n", output->last);
}

void server_output_resume(struct server_output *output, struct gale_str saved)
{
    server_output_remember(output, saved.at, saved.len);
    if (!output->is_line_over)
        program_lines_take(&output->lines, saved.at, saved.len);
}

void server_output_close(struct server_output *output)
{
    if (output->fd < 0)
        return;
    if (output->loop) {
        timer_stop(output->loop, &output->pause);
        output->taken = 0;
        while (output->taken < READ_MAX && take(output) > 0)
            ;
        program_lines_end(&output->lines);
        ioloop_forget(output->loop, output->fd);
    }
    close(steal_fd(&output->fd));
}
