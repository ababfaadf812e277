/* worker_memory.c - one question, one answer; asked once for each region, while apps open. */
#include "process/worker_memory.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "process/channel.h"

enum { ANSWER_MS = 5000 };

static int channel_fd = -1;
static void (*other_message)(struct channel_message *message);

void worker_memory_init(int channel, void (*other)(struct channel_message *message))
{
    channel_fd = channel;
    other_message = other;
}

static int ask(const char *app, const char *name, size_t size)
{
    struct channel_message request;
    channel_message_init(&request, CHANNEL_SHARED, (int64_t)size);
    int len = snprintf(request.text, sizeof(request.text), "%s%c%s", app, 0, name);
    if (len < 0 || len > CHANNEL_TEXT || size > INT64_MAX)
        return -EINVAL;
    request.text_len = (size_t)len;
    return channel_send(channel_fd, &request);
}

static int wait_readable(int64_t deadline_ms)
{
    struct pollfd poll_fd = {channel_fd, POLLIN, 0};
    int64_t left = deadline_ms - clock_mono_ms();
    int n = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
    return n < 0 && errno != EINTR ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

static int await_answer(struct channel_message *out_answer)
{
    int64_t deadline_ms = clock_mono_ms() + ANSWER_MS;
    int r = 0;
    while (r == 0 || r == -EAGAIN) {
        r = channel_receive(channel_fd, out_answer);
        if (r == 0 && out_answer->kind == CHANNEL_MEMORY)
            return 0;
        if (r == 0)
            other_message(out_answer);
        else if (r == -EAGAIN)
            r = wait_readable(deadline_ms);
    }
    return r;
}

static void *refuse(int r)
{
    errno = -r;
    return NULL;
}

void *worker_memory_get(const char *app, const char *name, size_t size)
{
    struct channel_message answer = {0};
    int r = ask(app, name, size);
    if (r == 0)
        r = await_answer(&answer);
    if (r < 0)
        return refuse(r);
    void *at = MAP_FAILED;
    r = answer.value < 0 ? (int)answer.value : -EBADMSG;
    if (answer.fd_count == 1) {
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, answer.fds[0], 0);
        r = at == MAP_FAILED ? -errno : 0;
    }
    channel_message_finish(&answer);
    return r < 0 ? refuse(r) : at;
}
