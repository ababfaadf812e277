/* dev_build.c - jobs: what is out of date is compiled, then linked; the newest start wins. */
#include "process/dev_build.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "net/child_process.h"
#include "process/dev_depends.h"
#include "process/dev_inputs.h"

/* How long a compiler may take to remove what it has begun, and how much it may say. */
enum { GRACE_MS = 300, TEXT_MOST = 1024 * 1024 };

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED };

struct job {
    struct dev_build *build;
    struct dev_command command;
    enum job_state state;
    int said; /* a memfd; -1 */
    struct child_process child;
};

struct dev_build {
    struct ioloop *loop;
    const struct dev_recipe *recipe;
    dev_build_fn *on_done;
    void *data;
    struct arena arena; /* of the jobs */
    const char *const *environment;
    struct job *jobs; /* compilations, then the link if there are several */
    size_t count, compilations, running;
    bool is_running, starts_over;
    int64_t started_ms;
    struct buffer text;      /* of the last one */
    struct ioloop_call done; /* a job that could not even start is told of later, too */
};

/* ---- jobs ---- */

static void close_job(struct job *job)
{
    child_process_close(&job->child);
    if (job->said >= 0)
        close(steal_fd(&job->said));
}

static void add_text(struct dev_build *build, int fd)
{
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return;
    size_t len = info.st_size < TEXT_MOST ? (size_t)info.st_size : TEXT_MOST;
    ssize_t n = pread(fd, buffer_reserve(&build->text, len), len, 0);
    build->text.len += n > 0 ? (size_t)n : 0;
    build->text.at[build->text.len] = 0;
}

static void say(struct job *job, const char *what)
{
    dprintf(job->said, "%s: %s\n", job->command.argv[0], what);
}

static void advance(struct dev_build *build);

static void on_job_end(void *data)
{
    struct job *job = data;
    int status = job->child.status;
    char how[64];
    job->build->running--;
    job->state = status == 0 ? JOB_DONE : JOB_FAILED;
    if (status && !WIFEXITED(status))
        say(job, child_process_describe(status, how, sizeof(how)));
    child_process_close(&job->child);
    advance(job->build);
}

static int spawn(struct job *job)
{
    const struct child_options options = {
        .program = job->command.program,
        .argv = job->command.argv,
        .envp = job->build->environment,
        .folder = job->build->recipe->folder,
        .in = -1,
        .out = job->said,
        .err = job->said,
    };
    if (!job->command.program)
        return -ENOENT;
    return child_process_spawn(&job->child, &options);
}

static const char missing[] =
    "not found; install a compiler (Debian: apt install gcc), or say with "
    "CC or CXX which one to take";

static void start_job(struct job *job)
{
    job->said = memfd_create("gale-build", MFD_CLOEXEC);
    int r = job->said < 0 ? -errno : spawn(job);
    if (r < 0) {
        job->state = JOB_FAILED;
        say(job, r == -ENOENT ? missing : strerror(-r));
        return;
    }
    job->state = JOB_RUNNING;
    job->build->running++;
    child_process_watch(&job->child, job->build->loop, on_job_end, job);
}

/* ---- the order of things ---- */

static size_t cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static bool has_failed(const struct dev_build *build)
{
    for (size_t i = 0; i < build->count; i++)
        if (build->jobs[i].state == JOB_FAILED)
            return true;
    return false;
}

static bool are_compiled(const struct dev_build *build)
{
    for (size_t i = 0; i < build->compilations; i++)
        if (build->jobs[i].state != JOB_DONE)
            return false;
    return true;
}

/* One error after the other is told, but nothing is linked that is not whole. */
static void start_more(struct dev_build *build)
{
    size_t most = cpus(), end = are_compiled(build) ? build->count : build->compilations;
    for (size_t i = 0; i < end && build->running < most; i++)
        if (build->jobs[i].state == JOB_WAITING)
            start_job(&build->jobs[i]);
}

static void gather(struct dev_build *build)
{
    build->text.len = 0;
    buffer_add_text(&build->text, "");
    for (size_t i = 0; i < build->count; i++)
        add_text(build, build->jobs[i].said);
}

/* The output keeps its name, whatever the command calls what it makes. */
static bool link_newest(struct dev_build *build)
{
    const struct dev_recipe *recipe = build->recipe;
    scoped_free char *plugin = dev_inputs_find_plugin(recipe->folder);
    scoped_free char *fresh = memory_printf("%s.new", recipe->output);
    (void)unlink(fresh);
    if (plugin && symlink(plugin, fresh) == 0 && rename(fresh, recipe->output) == 0)
        return true;
    buffer_printf(&build->text, plugin ? "%s cannot be linked to\n" : "no .so was made in %s\n",
                  plugin ? plugin : recipe->folder);
    return false;
}

static bool is_made(struct dev_build *build)
{
    if (access(build->recipe->output, R_OK) == 0)
        return true;
    buffer_printf(&build->text, "the build has made no %s\n", build->recipe->output);
    return false;
}

/* The compiler's own product is put in place; a command has done that itself. */
static bool put_in_place(struct dev_build *build)
{
    const char *made = build->jobs[build->count - 1].command.object;
    if (build->recipe->command)
        return (!build->recipe->is_link || link_newest(build)) && is_made(build);
    if (dev_depends_filter_linker(&build->text))
        return false;
    if (rename(made, build->recipe->output) == 0)
        return true;
    buffer_printf(&build->text, "%s cannot be put in place: %s\n", made, strerror(errno));
    return false;
}

static void begin(struct dev_build *build);

static void on_done(void *data)
{
    struct dev_build *build = data;
    gather(build);
    bool is_ok = !has_failed(build) && put_in_place(build);
    if (!is_ok)
        (void)dev_depends_filter_linker(&build->text);
    build->is_running = false;
    const struct dev_outcome outcome = {is_ok, clock_mono_ms() - build->started_ms, build->text.at};
    build->on_done(build->data, &outcome);
}

static void advance(struct dev_build *build)
{
    if (!build->starts_over && !has_failed(build))
        start_more(build);
    if (build->running)
        return;
    if (build->starts_over)
        begin(build);
    else
        ioloop_defer(build->loop, &build->done);
}

/* ---- starting ---- */

static void free_jobs(struct dev_build *build)
{
    for (size_t i = 0; i < build->count; i++)
        close_job(&build->jobs[i]);
    free(build->jobs);
    build->jobs = NULL;
    build->count = build->compilations = 0;
    arena_reset(&build->arena);
}

static void plan(struct dev_build *build)
{
    const struct dev_recipe *recipe = build->recipe;
    size_t sources = dev_command_sources(recipe);
    build->environment = dev_command_environment(recipe, &build->arena);
    build->compilations = recipe->command ? 1 : sources;
    build->count = build->compilations + (sources > 1 && !recipe->command);
    build->jobs = memory_zalloc((build->count + 1) * sizeof(*build->jobs));
    for (size_t i = 0; i < build->count; i++) {
        struct job *job = &build->jobs[i];
        *job = (struct job){.build = build, .said = -1, .child.pidfd = -1};
        if (recipe->command)
            dev_command_shell(recipe, &build->arena, &job->command);
        else if (i < sources)
            dev_command_compile(recipe, i, &build->arena, &job->command);
        else
            dev_command_link(recipe, &build->arena, &job->command);
        /* The only one of a recipe makes the plugin itself: it was asked for because of a change.*/
        if (!recipe->command && sources > 1 && i < sources &&
            dev_depends_is_fresh(&job->command, recipe->folder))
            job->state = JOB_DONE;
    }
}

static void begin(struct dev_build *build)
{
    free_jobs(build);
    build->starts_over = false;
    build->is_running = true;
    build->started_ms = clock_mono_ms();
    plan(build);
    advance(build);
}

static void end_jobs(struct dev_build *build)
{
    for (size_t i = 0; i < build->count; i++)
        if (build->jobs[i].state == JOB_RUNNING)
            child_process_end(&build->jobs[i].child, GRACE_MS);
}

void dev_build_start(struct dev_build *build)
{
    ioloop_undefer(build->loop, &build->done);
    if (build->running) {
        build->starts_over = true;
        end_jobs(build);
    } else {
        begin(build);
    }
}

bool dev_build_is_running(const struct dev_build *build)
{
    return build->is_running;
}

struct dev_build *dev_build_create(struct ioloop *loop, const struct dev_recipe *recipe,
                                   dev_build_fn *on_done_fn, void *data)
{
    struct dev_build *build = memory_zalloc(sizeof(*build));
    build->loop = loop;
    build->recipe = recipe;
    build->on_done = on_done_fn;
    build->data = data;
    build->done = (struct ioloop_call){.fn = on_done, .data = build};
    arena_init(&build->arena, NULL, 0);
    return build;
}

void dev_build_destroy(struct dev_build *build)
{
    if (!build)
        return;
    ioloop_undefer(build->loop, &build->done);
    for (size_t i = 0; i < build->count; i++)
        if (build->jobs[i].state == JOB_RUNNING)
            child_process_kill(&build->jobs[i].child, SIGTERM);
    free_jobs(build);
    arena_finish(&build->arena);
    buffer_finish(&build->text);
    free(build);
}

/* ---- what it was made of ---- */

void dev_build_inputs(const struct dev_build *build, struct dev_inputs *inputs)
{
    for (size_t i = 0; build->recipe->sources && build->recipe->sources[i]; i++)
        dev_inputs_add(inputs, str_of(build->recipe->sources[i]));
    for (size_t i = 0; i < build->count; i++)
        if (build->jobs[i].command.depends)
            dev_inputs_add_depends(inputs, build->jobs[i].command.depends);
    dev_inputs_add_named(inputs, buffer_str(&build->text));
}
