/* test_supervision.c - a whole master with its workers, all of them this very program.
 *
 * What cannot be taken apart is tested together: rollback.c, group.c, generation.c,
 * generation_load.c, master_events.c, isolation.c, reload.c, auto_reload.c, succession.c,
 * control.c, status.c on the master's side, worker.c, worker_open.c, worker_isolated.c,
 * worker_drain.c on the worker's, worker_process.c, worker_end.c and worker_spawn.c between them.
 * The app is a row of the adapter table whose behaviour stands in a file, so that a reload can find
 * it changed. Loads, signals and real plugins are for the system tests. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gale/gale.h>
#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/clock.h"
#include "process/crash_symbols.h"
#include "process/master.h"
#include "process/worker.h"
#include "unit.h"

/* ---- the app ---- */

struct fake_settings {
    const char *file;
};

static const struct setting fake_table[] = {
    {.key = "fake",
     .type = SETTING_TEXT,
     .offset = offsetof(struct fake_settings, file),
     .help = "The file that says how to behave."},
    {.key = NULL},
};

static void read_mode(const struct gale_app *app, char *out, size_t size)
{
    const struct fake_settings *settings = app->config->settings;
    FILE *file = fopen(settings->file, "r");
    if (!file || !fgets(out, (int)size, file))
        snprintf(out, size, "lost");
    if (file)
        fclose(file);
}

static int fake_open(struct gale_app *app)
{
    char mode[16];
    read_mode(app, mode, sizeof(mode));
    if (strcmp(mode, "fail") == 0)
        return app_fail(app, -EIO, "the tests said so");
    if (strcmp(mode, "crash") == 0)
        abort();
    if (strcmp(mode, "hang") == 0)
        pause();
    return strcmp(mode, "ok") == 0 ? 0 : app_fail(app, -ENOENT, "mode '%s'?", mode);
}

static int fake_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    (void)app;
    if (strcmp(gale_request_below(req).at, "/exit") == 0)
        _exit(5);
    return gale_reply(res, 200, "text/plain", "%d\n", (int)getpid());
}

static int fake_file(const struct app_config *config, char out_path[PATH_MAX])
{
    const struct fake_settings *settings = config->settings;
    snprintf(out_path, PATH_MAX, "%s", settings->file);
    return 0;
}

static const struct adapter fake = {.name = "fake",
                                    .table = fake_table,
                                    .settings_size = sizeof(struct fake_settings),
                                    .file = fake_file,
                                    .open = fake_open,
                                    .serve = fake_serve};
static const struct adapter *const adapters[] = {&fake, NULL};

/* ---- the instance ---- */

static char conf[96], control[96], mode_file[96], address[96];
static const char *more_apps = "";
static pid_t master;
static bool is_watched;

static void set_mode(const char *mode)
{
    FILE *file = fopen(mode_file, "w");
    fputs(mode, file);
    fclose(file);
}

static void name_paths(void)
{
    snprintf(conf, sizeof(conf), "%s/conf.ini", unit_folder);
    snprintf(control, sizeof(control), "%s/control", unit_folder);
    snprintf(mode_file, sizeof(mode_file), "%s/mode", unit_folder);
    snprintf(address, sizeof(address), "%s/app", unit_folder);
    set_mode("ok");
}

static void configure(const char *server_keys)
{
    FILE *file = fopen(conf, "w");
    fprintf(file,
            "[server]\nlisten = unix:%s\nworkers = 2\naccess_log = off\nstart_timeout = 2s\n%s\n"
            "state = %s/state\n[app fake]\nmount = /\nfake = %s\nwatch = %s\n%s",
            address, server_keys, unit_folder, mode_file, is_watched ? "yes" : "no", more_apps);
    fclose(file);
}

/* Runs a master in a process of its own, its standard error in FOLDER/stderr. */
static void start(const char *server_keys)
{
    const struct master_options options = {.path = conf, .adapters = adapters, .control = control};
    char errors[96];
    configure(server_keys);
    snprintf(errors, sizeof(errors), "%s/stderr", unit_folder);
    master = fork();
    ck_assert_int_ge(master, 0);
    if (master != 0)
        return;
    int fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    _exit((int)master_run(&options));
}

static int wait_exit(void)
{
    int status;
    ck_assert_int_eq(waitpid(master, &status, 0), master);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool errors_have(const char *text)
{
    char command[300];
    snprintf(command, sizeof(command), "grep -q -- '%s' %s/stderr", text, unit_folder);
    return system(command) == 0;
}

/* ---- a client ---- */

static char answer[65536];

/* Sends a request to the unix socket; the status, with the whole answer in `answer`; 0 if none. */
static int ask(const char *path, const char *method, const char *target)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    size_t len = 0;
    ssize_t n = connect(fd, (struct sockaddr *)&to, sizeof(to));
    if (n == 0) {
        dprintf(fd, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, target);
        while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
            len += (size_t)n;
    }
    close(fd);
    answer[len] = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static bool answer_has(const char *text)
{
    return strstr(answer, text) != NULL;
}

static void wait_until(const char *text)
{
    int64_t end = clock_mono_ms() + 30000;
    while ((ask(control, "GET", "/status") != 200 || !answer_has(text)) && clock_mono_ms() < end)
        usleep(5000);
    ck_assert_msg(answer_has(text), "waited in vain for %s in %s", text, answer);
}

static void serve(const char *server_keys)
{
    start(server_keys);
    wait_until("\"state\":\"serving\",\"config\"");
}

static void stop(void)
{
    char state[80];
    snprintf(state, sizeof(state), "%s/state", unit_folder);
    ck_assert_int_eq(kill(master, SIGTERM), 0);
    ck_assert_int_eq(wait_exit(), MASTER_STOPPED);
    ck_assert_int_eq(access(control, F_OK), -1);
    ck_assert_int_eq(access(address, F_OK), -1);
    ck_assert_int_eq(rmdir(state), 0); /* it is empty */
    ck_assert(!errors_have("Sanitizer"));
}

/* ---- tests ---- */

START_TEST(serves_and_stops)
{
    name_paths();
    serve("");
    ck_assert(answer_has("\"generation\":1,"));
    ck_assert(answer_has("\"generations\":[{\"group\":\"\",\"number\":1,"));
    ck_assert(answer_has("{\"place\":0,"));
    ck_assert(answer_has("{\"place\":1,"));
    ck_assert_int_eq(ask(address, "GET", "/"), 200);
    stop();
}
END_TEST

START_TEST(the_control_socket_answers)
{
    name_paths();
    serve("");
    ck_assert_int_eq(ask(control, "GET", "/metrics"), 200);
    ck_assert(answer_has("# TYPE gale_connections gauge\ngale_connections "));
    ck_assert_int_eq(ask(control, "POST", "/status"), 405);
    ck_assert(answer_has("Allow: GET"));
    ck_assert_int_eq(ask(control, "GET", "/stop"), 405);
    ck_assert_int_eq(ask(control, "GET", "/"), 404);
    ck_assert_int_eq(ask(control, "POST", "/stop?mode=x"), 400);
    ck_assert_int_eq(ask(control, "POST", "/reopen"), 200);
    ck_assert_int_eq(ask(control, "POST", "/stop?mode=graceful"), 202);
    ck_assert_int_eq(wait_exit(), MASTER_STOPPED);
}
END_TEST

START_TEST(reloads_or_stays_as_it_was)
{
    static const struct {
        const char *mode;
        int status;
        const char *says;
    } cases[] = {
        {"ok", 200, "\"ok\":true,\"generation\":2,"},
        {"fail", 409, "[app fake] the tests said so"},
        {"crash", 409, "worker 0 was killed by SIGABRT"},
        {"hang", 409, "did not open its apps within start_timeout"},
        {"ok", 200, "\"ok\":true,\"generation\":6,"},
    };
    name_paths();
    serve("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        set_mode(cases[i].mode);
        ck_assert_int_eq(ask(control, "POST", "/reload"), cases[i].status);
        ck_assert_msg(answer_has(cases[i].says), "%s: %s", cases[i].mode, answer);
        ck_assert_int_eq(ask(address, "GET", "/"), 200);
        wait_until(cases[i].status == 200 ? "\"last_failure\":null" : cases[i].says);
    }
    stop();
}
END_TEST

START_TEST(a_watched_file_reloads)
{
    name_paths();
    is_watched = true;
    serve("");
    set_mode("ok");
    wait_until("\"generation\":2,");
    set_mode("fail");
    wait_until("the tests said so");
    ck_assert(answer_has("\"generation\":2,"));
    ck_assert_int_eq(unlink(mode_file), 0);
    set_mode("ok");
    wait_until("\"last_failure\":null");
    ck_assert(errors_have("a watched file has changed"));
    stop();
}
END_TEST

START_TEST(replaces_who_dies)
{
    name_paths();
    serve("");
    ck_assert_int_eq(ask(address, "GET", "/exit"), 0);
    wait_until("\"restarts\":1");
    wait_until("\"state\":\"serving\",\"restarts\":1");
    ck_assert_int_eq(ask(address, "GET", "/"), 200);
    ck_assert(errors_have("exited with code 5.*; another takes its place"));
    stop();
}
END_TEST

static void crash(void)
{
    ck_assert_int_eq(ask(address, "GET", "/exit"), 0);
}

START_TEST(goes_back_to_what_served_before)
{
    name_paths();
    serve("probation_crashes = 2");
    ck_assert_int_eq(ask(control, "POST", "/rollback"), 409);
    ck_assert(answer_has("there is no generation before this one"));
    configure("probation_crashes = 2\nmax_tasks = 99");
    ck_assert_int_eq(ask(control, "POST", "/reload"), 200);
    crash();
    wait_until("\"rollback\":{\"previous\":1,\"crashes\":1,\"from\":0}");
    wait_until("\"state\":\"serving\",\"restarts\":1");
    crash();
    wait_until("\"from\":2,\"to\":1");
    ck_assert(errors_have("a generation is rolled back.*generation=2 to=1"));
    ck_assert_int_eq(ask(control, "POST", "/reload"), 200);
    ck_assert(answer_has("its files are those of generation 2, which was rolled back"));
    ck_assert_int_eq(ask(control, "POST", "/rollback"), 200);
    ck_assert(answer_has("it is generation 3 again"));
    ck_assert_int_eq(ask(control, "POST", "/rollback"), 409);
    stop();
}
END_TEST

START_TEST(goes_back_only_where_that_helps)
{
    name_paths();
    serve("probation_crashes = 1");
    crash(); /* nothing to go back to */
    wait_until("\"restarts\":1");
    configure("probation_crashes = 1\nmax_tasks = 99");
    ck_assert_int_eq(ask(control, "POST", "/reload"), 200);
    crash(); /* the one before crashed as often */
    wait_until("\"restarts\":1");
    configure("probation_crashes = 1\nmax_tasks = 99\nrollback = no");
    ck_assert_int_eq(ask(control, "POST", "/reload"), 200);
    crash();
    wait_until("\"restarts\":1");
    ck_assert(errors_have("not rolled back.*generation=1 since=\"there is none before"));
    ck_assert(errors_have("not rolled back.*generation=2 since=\"the one before it crashed"));
    ck_assert(errors_have("not rolled back.*generation=3 since=\"rollback = no"));
    stop();
}
END_TEST

START_TEST(tells_why_it_cannot_start)
{
    name_paths();
    set_mode("fail");
    start("");
    ck_assert_int_eq(wait_exit(), MASTER_FAILED);
    ck_assert(errors_have("^gale: cannot start: .*the tests said so"));
    start("nonsense = 1");
    ck_assert_int_eq(wait_exit(), MASTER_WRONG_INPUT);
    ck_assert(errors_have("conf.ini:6: .*nonsense"));
    start("listen = unix:/nowhere/at/all");
    ck_assert_int_eq(wait_exit(), MASTER_WRONG_INPUT);
    ck_assert(errors_have("listen: there is no folder /nowhere/at"));
    set_mode("ok");
    serve("");
    pid_t first = master;
    start("");
    ck_assert_int_eq(wait_exit(), MASTER_CANNOT_LISTEN);
    ck_assert(errors_have("is in use by another process"));
    master = first;
    stop();
}
END_TEST

/* ---- isolated apps ---- */

static int pid_of(const char *target)
{
    ck_assert_int_eq(ask(address, "GET", target), 200);
    return atoi(strstr(answer, "\r\n\r\n") + 4);
}

static char *isolated_app(const char *text_keys)
{
    static char text[300];
    snprintf(text, sizeof(text), "[app own]\nmount = /own\nfake = %s\nisolate = 1\n%s", mode_file,
             text_keys);
    return text;
}

START_TEST(an_isolated_app_goes_on_over_reloads)
{
    name_paths();
    more_apps = isolated_app("");
    serve("");
    ck_assert(answer_has("{\"group\":\"own\",\"number\":1,\"state\":\"serving\""));
    int own = pid_of("/own"), front = pid_of("/");
    ck_assert_int_ne(own, front);
    ck_assert_int_eq(ask(control, "POST", "/reload"), 200);
    ck_assert_int_eq(pid_of("/own"), own);
    wait_until("\"group\":\"\",\"number\":2,\"state\":\"serving\"");
    stop();
}
END_TEST

START_TEST(an_isolated_death_is_run_again)
{
    name_paths();
    more_apps = isolated_app("");
    serve("");
    int own = pid_of("/own"), front = pid_of("/");
    /* each of the two attempts kills a worker */
    ck_assert_int_eq(ask(address, "GET", "/own/exit"), 502);
    ck_assert_int_eq(ask(address, "POST", "/own/exit"), 502);
    ck_assert_int_ne(pid_of("/own"), own);
    (void)front;
    ck_assert(errors_have("worker 0 of the app own exited with code 5"));
    stop();
}
END_TEST

START_TEST(an_isolated_app_that_does_not_open_refuses_all)
{
    name_paths();
    more_apps = isolated_app("user = there-is-nobody-of-that-name\n");
    start("");
    ck_assert_int_eq(wait_exit(), MASTER_WRONG_INPUT);
    ck_assert(errors_have("there is no user"));
    more_apps = isolated_app("");
    serve("");
    int own = pid_of("/own");
    set_mode("fail");
    ck_assert_int_eq(ask(control, "POST", "/reload"), 409);
    ck_assert_int_eq(pid_of("/own"), own);
    stop();
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {serves_and_stops,
                                  the_control_socket_answers,
                                  reloads_or_stays_as_it_was,
                                  replaces_who_dies,
                                  a_watched_file_reloads,
                                  goes_back_to_what_served_before,
                                  goes_back_only_where_that_helps,
                                  tells_why_it_cannot_start,
                                  an_isolated_app_goes_on_over_reloads,
                                  an_isolated_death_is_run_again,
                                  an_isolated_app_that_does_not_open_refuses_all,
                                  NULL};
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc, argv, adapters);
    if (argc > 1 && strcmp(argv[1], "symbols") == 0)
        return crash_symbols_main(argc, argv);
    return unit_run(__FILE__, tests);
}
