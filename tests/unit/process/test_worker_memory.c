/* test_worker_memory.c - asking for memory: the answer, other messages meanwhile, a master gone. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "net/message_socket.h"
#include "process/channel.h"
#include "process/worker_memory.h"
#include "unit.h"

static int others;

static void other(struct channel_message *message)
{
    ck_assert_uint_eq(message->kind, CHANNEL_DRAIN);
    others++;
    channel_message_finish(message);
}

/* A master that says something else first, then gives `fd` (or the error). */
static void answer(int channel, int fd, int error)
{
    struct channel_message got, reply;
    int r;
    while ((r = channel_receive(channel, &got)) == -EAGAIN)
        usleep(1000);
    if (r < 0 || got.kind != CHANNEL_SHARED || got.value != 4096 || got.text_len != 8 ||
        memcmp(got.text, "app\0name", 9) != 0)
        _exit(1);
    channel_message_init(&reply, CHANNEL_DRAIN, 1);
    (void)channel_send(channel, &reply);
    channel_message_init(&reply, CHANNEL_MEMORY, error);
    if (fd >= 0)
        reply.fds[reply.fd_count++] = fd;
    _exit(channel_send(channel, &reply) == 0 ? 0 : 2);
}

static void *ask(int fd, int error)
{
    int pair[2], status;
    ck_assert_int_eq(message_socket_pair(pair), 0);
    pid_t pid = fork();
    if (pid == 0)
        answer(pair[1], fd, error);
    close(pair[1]);
    worker_memory_init(pair[0], other);
    void *at = worker_memory_get("app", "name", 4096);
    int reason = errno;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    close(pair[0]);
    errno = reason;
    return at;
}

START_TEST(maps_what_the_master_gives)
{
    scoped_close int fd = memfd_create("unit", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    ck_assert_int_eq(write(fd, "hello", 5), 5);
    char *at = ask(fd, 0);
    ck_assert_ptr_nonnull(at);
    ck_assert_mem_eq(at, "hello", 5);
    ck_assert_int_eq(others, 1);
    munmap(at, 4096);
}
END_TEST

START_TEST(passes_refusals_on)
{
    ck_assert_ptr_null(ask(-1, -ENOSPC));
    ck_assert_int_eq(errno, ENOSPC);
    int pair[2];
    ck_assert_int_eq(message_socket_pair(pair), 0);
    close(pair[1]);
    worker_memory_init(pair[0], other);
    ck_assert_ptr_null(worker_memory_get("app", "name", 4096));
    ck_assert_int_eq(errno, EPIPE);
    static char long_name[CHANNEL_TEXT + 1];
    memset(long_name, 'x', sizeof(long_name) - 1);
    ck_assert_ptr_null(worker_memory_get("app", long_name, 4096));
    ck_assert_int_eq(errno, EINVAL);
    close(pair[0]);
}
END_TEST

UNIT_MAIN(maps_what_the_master_gives, passes_refusals_on)
