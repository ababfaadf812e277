/* case_process.h - one test of a plugin in a process of its own.
 *
 * The plugin is opened anew there, the test runs on the main stack, the plugin is closed: what one
 * test leaves behind, or breaks, the next never meets. */
#pragma once
#include <stdint.h>

struct config;
struct gale_test_case;

enum case_end {
    CASE_PASSED,
    CASE_FAILED,  /* an expectation did not hold, or a sanitizer found something */
    CASE_CRASHED, /* a signal, or an exit that was none of gale's */
    CASE_LATE,    /* it did not end in its time and was killed */
    CASE_CLOSED,  /* the plugin did not open */
};

struct case_result {
    enum case_end end;
    char how[64]; /* "SIGSEGV", "exit 3" */
    char *said;   /* owned: what failed, in its lines, and all that was logged or printed */
    int64_t took_us;
};

/* Runs it. `config` has the plugin as its one app; borrowed. Returns 0 or -errno where no process
 * could be had. To be called while the process has neither threads nor a loop. */
int case_process_run(const struct gale_test_case *test, struct config *config, int64_t timeout_ms,
                     struct case_result *out_result);
