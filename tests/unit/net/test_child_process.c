/* Programs: what they start with, what is told of their end, that nothing of them stays. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "loop/ioloop.h"
#include "net/child_process.h"

static struct ioloop *loop;
static bool is_told;

static void on_end(void *data)
{
    (void)data;
    is_told = true;
}

static void begin(void)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    is_told = false;
}

static void end(void)
{
    ioloop_destroy(loop);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
    ck_assert_int_eq(errno, ECHILD);
}

static struct child_options shell(const char *const *argv)
{
    static const char *const envp[] = {"ONE=1", "TWO=2 ", NULL};
    return (struct child_options){
        .program = "/bin/sh", .argv = argv, .envp = envp, .in = -1, .out = -1, .err = -1};
}

static void turn_until_told(void)
{
    int64_t until = clock_mono_ms() + 30000;
    while (!is_told && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert(is_told);
}

/* What a shell script writes; its status in *out_status. */
static const char *run(const char *script, struct child_options options, int *out_status)
{
    static char text[4096];
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct child_process child;
    int fds[2];
    size_t len = 0;
    ssize_t n;
    options.argv = argv;
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    options.out = fds[1];
    ck_assert_int_eq(child_process_spawn(&child, &options), 0);
    child_process_watch(&child, loop, on_end, NULL);
    close(fds[1]);
    while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = 0;
    close(fds[0]);
    is_told = false;
    turn_until_told();
    *out_status = child.status;
    child_process_close(&child);
    child_process_close(&child);
    return text;
}

START_TEST(starts_with_what_it_is_given)
{
    static const struct {
        const char *script, *says;
    } rows[] = {
        {"echo $ONE/$TWO/$HOME/$USER", "1/2 //\n"},
        {"env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD='", "ONE=1\nTWO=2 \n"},
        /* 3 is the folder that the shell reads */
        {"cd /proc/self/fd; echo *", "0 1 2 3\n"},
        {"cat; echo end", "end\n"},
        {"pwd", "/usr\n"},
        /* but for 32 and 33, which are the C library's own and may come ignored from outside */
        {"for of in SigBlk SigIgn; do m=$(grep $of /proc/self/status | cut -f2); "
         "echo $((0x$m & 0x7fffffff)); done",
         "0\n0\n"},
        {"[ $$ = $(cut -d' ' -f5 /proc/$$/stat) ] && echo leads", "leads\n"},
        {"ulimit -n; ulimit -t; ulimit -p; ulimit -v", "77\n5\n5000\n1000000\n"},
    };
    int status, careless = fcntl(0, F_DUPFD, 50); /* without CLOEXEC, as of a careless plugin */
    begin();
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct child_options options = shell(NULL);
        options.folder = "/usr";
        options.limits = (struct child_limits){5, 1000000 * 1024, 77, 5000};
        const char *text = run(rows[i].script, options, &status);
        ck_assert_str_eq(text, rows[i].says);
        ck_assert_int_eq(status, 0);
    }
    close(careless);
    end();
}
END_TEST

START_TEST(tells_how_it_ended)
{
    static const struct {
        const char *script, *described;
    } rows[] = {
        {"exit 0", "exit status 0"},
        {"exit 3", "exit status 3"},
        {"kill -9 $$", "SIGKILL"},
        {"kill -TERM $$", "SIGTERM"},
        {"ulimit -c 0; kill -SEGV $$", "SIGSEGV"},
        {"ulimit -t 1; while :; do :; done", "SIGKILL"},
    };
    char text[64];
    int status;
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        run(rows[i].script, shell(NULL), &status);
        ck_assert_str_eq(child_process_describe(status, text, sizeof(text)), rows[i].described);
    }
    ck_assert_str_eq(child_process_describe(SIGSEGV | 0x80, text, sizeof(text)),
                     "SIGSEGV (core dumped)");
    ck_assert_str_eq(child_process_describe(63, text, sizeof(text)), "signal 63");
    end();
}
END_TEST

START_TEST(says_why_it_cannot_start)
{
    const char *const argv[] = {"x", NULL};
    struct child_options options = shell(argv);
    struct child_process child;
    begin();
    options.program = "/nowhere/x";
    ck_assert_int_eq(child_process_spawn(&child, &options), -ENOENT);
    options.program = "/etc/passwd";
    ck_assert_int_eq(child_process_spawn(&child, &options), -EACCES);
    options.program = "/bin/sh";
    options.folder = "/nowhere";
    ck_assert_int_eq(child_process_spawn(&child, &options), -ENOENT);
    options.folder = "/etc/passwd";
    ck_assert_int_eq(child_process_spawn(&child, &options), -ENOTDIR);
    end();
}
END_TEST

START_TEST(places_descriptors_that_are_in_the_way)
{
    int files[3], status, saved[3];
    char text[64];
    begin();
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100), 0);
    for (int i = 0; i < 3; i++)
        files[i] = memfd_create("x", MFD_CLOEXEC);
    ck_assert_int_eq(write(files[0], "in", 2), 2);
    ck_assert_int_eq(lseek(files[0], 0, SEEK_SET), 0);
    /* 0, 1 and 2 become the child's 1, 2 and 0 */
    dup2(files[1], 0);
    dup2(files[2], 1);
    dup2(files[0], 2);
    const char *const argv[] = {"sh", "-c", "cat; echo err >&2", NULL};
    struct child_options options = shell(argv);
    struct child_process child;
    options.in = 2;
    options.out = 0;
    options.err = 1;
    int r = child_process_spawn(&child, &options);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    ck_assert_int_eq(r, 0);
    child_process_watch(&child, loop, on_end, NULL);
    turn_until_told();
    status = child.status;
    child_process_close(&child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(pread(files[1], text, sizeof(text), 0), 2);
    ck_assert_mem_eq(text, "in", 2);
    ck_assert_int_eq(pread(files[2], text, sizeof(text), 0), 4);
    for (int i = 0; i < 3; i++)
        close(files[i]);
    end();
}
END_TEST

/* Starts a script that writes a line when it is ready, and waits for that. Returns the pipe's end,
 * which ends when nobody of the group is left. */
static int start_ready(struct child_process *child, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct child_options options = shell(argv);
    int fds[2];
    char c;
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    options.out = fds[1];
    ck_assert_int_eq(child_process_spawn(child, &options), 0);
    child_process_watch(child, loop, on_end, NULL);
    close(fds[1]);
    ck_assert_int_eq(read(fds[0], &c, 1), 1);
    return fds[0];
}

static void expect_nobody(int fd)
{
    char text[256];
    while (read(fd, text, sizeof(text)) > 0)
        ;
    close(fd);
}

START_TEST(ends_politely)
{
    struct child_process child;
    begin();
    int fd = start_ready(&child, "trap 'exit 7' TERM; echo; while :; do sleep 0.01; done");
    child_process_end(&child, 60000);
    child_process_end(&child, 0);
    turn_until_told();
    ck_assert_int_eq(WEXITSTATUS(child.status), 7);
    child_process_close(&child);
    expect_nobody(fd);
    end();
}
END_TEST

START_TEST(ends_the_stubborn)
{
    struct child_process child;
    begin();
    int fd = start_ready(&child, "trap '' TERM; (sleep 100)& echo; while :; do sleep 0.01; done");
    child_process_end(&child, 50);
    turn_until_told();
    ck_assert_int_eq(WTERMSIG(child.status), SIGKILL);
    child_process_close(&child);
    expect_nobody(fd);
    end();
}
END_TEST

START_TEST(takes_its_group_along)
{
    struct child_process child;
    begin();
    /* The leader goes at once, its child does not. */
    int fd = start_ready(&child, "(trap '' TERM; echo; sleep 100)& wait");
    child_process_end(&child, 60000);
    turn_until_told();
    child_process_close(&child);
    expect_nobody(fd);

    fd = start_ready(&child, "(sleep 100)& echo; wait"); /* closed while it runs */
    child_process_close(&child);
    expect_nobody(fd);
    end();
}
END_TEST

START_TEST(leaves_what_it_left_behind)
{
    struct child_process child;
    char text[16];
    begin();
    int fd = start_ready(&child, "(sleep 0.2; echo late)& echo");
    turn_until_told();
    ck_assert(child.has_ended);
    child_process_close(&child);
    child_process_kill(&child, SIGKILL); /* nobody's */
    ck_assert_int_eq(read(fd, text, sizeof(text)), 5);
    expect_nobody(fd);
    end();
}
END_TEST

START_TEST(becomes_another_user)
{
    struct child_options options = shell(NULL);
    int status;
    begin();
    options.has_user = true;
    options.uid = 4242;
    options.gid = 4243;
    if (geteuid() == 0) {
        const char *text =
            run("id -u; id -g; id -G; grep -h CapEff /proc/self/status", options, &status);
        ck_assert_str_eq(text, "4242\n4243\n4243\nCapEff:\t0000000000000000\n");
        options.groups = (const gid_t[]){4243, 4300};
        options.group_count = 2;
        ck_assert_str_eq(run("id -G", options, &status), "4243 4300\n");
        ck_assert_int_eq(geteuid(), 0);
    } else {
        const char *const argv[] = {"sh", NULL};
        struct child_process child;
        options.argv = argv;
        ck_assert_int_eq(child_process_spawn(&child, &options), -EPERM);
    }
    end();
}
END_TEST

/* The child's memory is the worker's, so what it does must not show here. */
START_TEST(disturbs_nothing_here)
{
    struct child_process child;
    const char *const argv[] = {"sh", "-c", ":", NULL};
    struct child_options options = shell(argv);
    sigset_t before, after;
    begin();
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(child_process_spawn(&child, &options), 0);
        child_process_close(&child);
        ck_assert_int_eq(child.pidfd, -1);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert(sigismember(&after, SIGUSR2) && !sigismember(&after, SIGTERM));
    ck_assert_ptr_eq(signal(SIGUSR1, SIG_DFL), SIG_IGN);
    end();
}
END_TEST

UNIT_MAIN(starts_with_what_it_is_given, tells_how_it_ended, says_why_it_cannot_start,
          places_descriptors_that_are_in_the_way, ends_politely, ends_the_stubborn,
          takes_its_group_along, leaves_what_it_left_behind, becomes_another_user,
          disturbs_nothing_here)
