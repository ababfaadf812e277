/* upgrade.c - a trial in a child, then exec.
 *
 * The command line stays as it was: the new program reads it by its own rules, and ps shows it.
 * What it is there for stands in the environment:
 *
 *   GALE_UPGRADE=trial     state on standard input
 *   GALE_UPGRADE=FD        state in that descriptor
 *   GALE_UPGRADE=FD back   the same, for the old program */
#include "process/upgrade.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/task.h"
#include "net/child_process.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/upgrade_state.h"

enum { SAID_MAX = 8192, STARTING_MS = 5000 };

static const char variable[] = "GALE_UPGRADE", back[] = " back";
static bool came_back; /* this program is one that was gone back to */

/* ---- the state in a descriptor ---- */

static int read_all(int fd, struct buffer *out)
{
    ssize_t n;
    (void)lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buffer_reserve(out, 65536), 65536)) > 0 || (n < 0 && errno == EINTR))
        out->len += n > 0 ? (size_t)n : 0;
    return n < 0 ? -errno : 0;
}

static int write_all(int fd, const struct buffer *text)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(fd, text->at + done, text->len - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int write_state(const struct master *master, struct upgrade_fds *out_fds)
{
    struct buffer state = {0};
    scoped_close int fd = memfd_create("gale-upgrade", MFD_CLOEXEC);
    upgrade_state_write(master, &state, out_fds);
    int r = fd < 0 ? -errno : write_all(fd, &state);
    buffer_finish(&state);
    return r < 0 ? r : steal_fd(&fd);
}

/* ---- the program that was started for it ---- */

enum upgrade_role upgrade_role(struct buffer *out_state)
{
    const char *text = getenv(variable);
    if (!text)
        return UPGRADE_NONE;
    bool is_trial = strcmp(text, "trial") == 0;
    int fd = is_trial ? STDIN_FILENO : atoi(text);
    came_back = str_ends_with(str_of(text), str_of(back));
    (void)unsetenv(variable);
    if (read_all(fd, out_state) < 0)
        out_state->len = 0; /* whoever reads the state says that it is none */
    if (!is_trial && fd > STDERR_FILENO)
        close(fd);
    return is_trial ? UPGRADE_TRIAL : UPGRADE_TAKES;
}

bool upgrade_came_back(void)
{
    return came_back;
}

/* ---- the old program ---- */

/* Where the program that runs was started from; what lies there now may be another. */
static int own_path(char out[PATH_MAX])
{
    static const char gone[] = " (deleted)";
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (len < 0)
        return -errno;
    out[len] = 0;
    if (str_ends_with(str_of(out), str_of(gone)))
        out[len - (ssize_t)strlen(gone)] = 0;
    return access(out, X_OK) < 0 ? -errno : 0;
}

/* The command line of this process: `argv` into `text`. */
static void own_arguments(struct buffer *text, char ***out_argv)
{
    size_t count = 0;
    scoped_close int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)read_all(fd, text);
    buffer_add(text, "", 1);
    char **argv = memory_zalloc((text->len + 1) * sizeof(*argv));
    for (size_t at = 0; at + 1 < text->len; at += strlen(text->at + at) + 1)
        argv[count++] = text->at + at;
    *out_argv = argv;
}

/* ---- the trial ---- */

struct trial_run {
    struct child_process child;
    struct task *task;
};

static void on_end(void *data)
{
    struct trial_run *run = data;
    (void)task_wake(run->task, false);
}

static int64_t patience_ms(const struct master *master)
{
    const struct config *config = master->front->live->config;
    int64_t apps = (int64_t)config->app_count + 1;
    return STARTING_MS + apps * config->server.start_timeout_ms;
}

/* Runs until the child ends or its time is over; returns whether it said yes. */
static bool await(struct trial_run *run, struct master *master)
{
    int64_t end_ms = ioloop_now_ms(master->loop) + patience_ms(master);
    run->task = task_current();
    child_process_watch(&run->child, master->loop, on_end, run);
    while (!run->child.has_ended) {
        int64_t left_ms = end_ms - ioloop_now_ms(master->loop);
        if (left_ms <= 0 || task_park(left_ms) < 0)
            break;
    }
    bool is_yes = run->child.has_ended && run->child.status == 0;
    child_process_close(&run->child);
    return is_yes;
}

static char **own_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **envp = memory_zalloc((count + 2) * sizeof(*envp));
    memcpy(envp, environ, count * sizeof(*envp));
    envp[count] = (char *)"GALE_UPGRADE=trial";
    return envp;
}

static int start(struct trial_run *run, const char *path, int state, int said)
{
    struct buffer text = {0};
    char **argv, **envp = own_environment();
    own_arguments(&text, &argv);
    const struct child_options options = {
        .program = path,
        .argv = (const char *const *)argv,
        .envp = (const char *const *)envp,
        .in = state,
        .out = -1,
        .err = said,
    };
    int r = child_process_spawn(&run->child, &options);
    buffer_finish(&text);
    free(argv);
    free(envp);
    return r;
}

static char *explain(const char *path, int said)
{
    struct buffer text = {0};
    (void)read_all(said, &text);
    size_t len = text.len < SAID_MAX ? text.len : SAID_MAX;
    while (len && text.at[len - 1] == '\n')
        len--;
    char *sentence = memory_printf("%s would not take over%s%.*s", path, len ? ":\n" : "", (int)len,
                                   len ? text.at : "");
    buffer_finish(&text);
    return sentence;
}

int upgrade_try(struct master *master, char **out_error)
{
    char path[PATH_MAX] = "";
    struct upgrade_fds fds = {0};
    struct trial_run run;
    int r = own_path(path);
    if (r < 0) {
        *out_error = memory_printf("%s: %s; put the new gale there first", path, strerror(-r));
        return r;
    }
    scoped_close int state = write_state(master, &fds);
    scoped_close int said = memfd_create("gale-said", MFD_CLOEXEC);
    free(fds.at);
    r = state < 0 ? state : said < 0 ? -errno : start(&run, path, state, said);
    if (r < 0) {
        *out_error = memory_printf("%s cannot be started: %s", path, strerror(-r));
        return r;
    }
    if (await(&run, master))
        return 0;
    *out_error = explain(path, said);
    return -ECANCELED;
}

/* ---- becoming another program ---- */

static void set_kept(int fd, bool is_kept)
{
    (void)fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
}

static void set_all_kept(const struct upgrade_fds *fds, bool is_kept)
{
    for (size_t i = 0; i < fds->count; i++)
        set_kept(fds->at[i], is_kept);
}

/* Execs the path or, where that is NULL, what the descriptor holds. Returns -errno. */
static int become(const char *path, int program, int state, const char *note)
{
    struct buffer text = {0};
    char **argv, value[32];
    own_arguments(&text, &argv);
    snprintf(value, sizeof(value), "%d%s", state, note);
    (void)setenv(variable, value, 1);
    set_kept(state, true);
    log_flush();
    if (path)
        (void)execv(path, argv);
    else
        (void)fexecve(program, argv, environ);
    int r = -errno;
    (void)unsetenv(variable);
    buffer_finish(&text);
    free(argv);
    return r;
}

void upgrade_become(struct master *master)
{
    char path[PATH_MAX] = "";
    struct upgrade_fds fds = {0};
    int r = own_path(path);
    crashes_conclude(&master->crashes); /* who looks into them would be nobody's child */
    master->previous_exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    scoped_close int state = write_state(master, &fds);
    if (r == 0)
        r = state < 0 ? state : master->previous_exe < 0 ? -errno : 0;
    set_all_kept(&fds, true);
    if (r == 0)
        r = become(path, -1, state, "");
    set_all_kept(&fds, false);
    free(fds.at);
    if (master->previous_exe >= 0)
        close(steal_fd(&master->previous_exe));
    log_error("the upgrade failed; everything stays as it was", LOG_TEXT("program", path),
              LOG_ERRNO(r));
}

/* ---- going back ---- */

static void keep_everything(void)
{
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (atoi(entry->d_name) > STDERR_FILENO && atoi(entry->d_name) != dirfd(dir))
            set_kept(atoi(entry->d_name), true);
    if (dir)
        closedir(dir);
}

void upgrade_go_back(const struct buffer *state)
{
    scoped_close int fd = memfd_create("gale-upgrade", MFD_CLOEXEC);
    int program = upgrade_state_previous(buffer_str(state));
    if (came_back || fd < 0 || program < 0 || write_all(fd, state) < 0)
        return;
    keep_everything();
    (void)become(NULL, program, fd, back);
}
