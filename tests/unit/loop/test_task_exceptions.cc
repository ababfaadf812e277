/* Two tasks that wait inside of a catch block keep their own exceptions. */
#include <cxxabi.h>
#include <exception>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "unit.h"
#include "loop/task.h"
}

static struct ioloop *loop;
static std::string trace;

static int caught_now()
{
    return std::current_exception() ? 1 : 0;
}

/* Waits in a catch block, with another one inside of it, and throws on what it caught. */
static void catch_and_wait(const std::string &name)
{
    try {
        throw std::runtime_error(name);
    } catch (const std::exception &e) {
        ck_assert_int_eq(task_yield(), 0);
        trace += e.what();
        try {
            throw std::logic_error(name + name);
        } catch (...) {
            ck_assert_int_eq(task_yield(), 0);
            try {
                throw;
            } catch (const std::logic_error &inner) {
                trace += inner.what();
            }
        }
        ck_assert_int_eq(task_yield(), 0);
        throw;
    }
}

extern "C" {
static void run(void *data)
{
    const char *name = static_cast<const char *>(data);
    task_set_exception_globals(task_current(), abi::__cxa_get_globals());
    ck_assert_int_eq(caught_now(), 0);
    try {
        catch_and_wait(name);
        ck_abort_msg("did not throw");
    } catch (const std::runtime_error &e) {
        ck_assert_str_eq(e.what(), name);
        ck_assert_int_eq(task_yield(), 0);
        ck_assert_str_eq(e.what(), name);
    }
    ck_assert_int_eq(caught_now(), 0);
    ck_assert_int_eq(std::uncaught_exceptions(), 0);
    task_set_exception_globals(task_current(), nullptr);
}

START_TEST(each_keeps_its_own)
{
    static char names[3][2] = {"a", "b", "c"};
    ck_assert_int_eq(ioloop_create(nullptr, &loop), 0);
    for (auto &name : names) {
        ck_assert_int_eq(task_spawn(loop, run, name, 0, nullptr), 0);
        ck_assert_int_eq(caught_now(), 0);
    }
    for (int i = 0; i < 10 && task_count(); i++) {
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
        ck_assert_int_eq(caught_now(), 0);
    }
    ck_assert_uint_eq(task_count(), 0);
    ck_assert_str_eq(trace.c_str(), "abcaabbcc");
    ioloop_destroy(loop);
}
END_TEST

/* An exception that nobody catches ends the process where a coroutine begins. */
static void throw_out(void *)
{
    throw std::runtime_error("nobody");
}

START_TEST(uncaught_ends_the_process)
{
    pid_t child = fork();
    if (child == 0) {
        std::set_terminate([] { _exit(5); });
        if (ioloop_create(nullptr, &loop) == 0)
            task_spawn(loop, throw_out, nullptr, 0, nullptr);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 5);
}
END_TEST
}

UNIT_MAIN(each_keeps_its_own, uncaught_ends_the_process)
