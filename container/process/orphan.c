/* orphan.c - PR_SET_PDEATHSIG, and a timer that is made before it is needed: starting one is safe
 * in a signal handler, making one is not. */
#include "process/orphan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

static timer_t timer;
static struct itimerspec after;

/* One that no library is known to want. */
static int signal_number(void)
{
    return SIGRTMAX - 3;
}

static void on_parent_death(int number)
{
    int error = errno;
    (void)number;
    (void)timer_settime(timer, 0, &after, NULL);
    errno = error;
}

static int create_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    return timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ? -errno : 0;
}

int orphan_watch(int64_t ms)
{
    struct sigaction action = {.sa_handler = on_parent_death, .sa_flags = SA_ONSTACK | SA_RESTART};
    int r = create_timer();
    if (r < 0)
        return r;
    after.it_value.tv_sec = ms / 1000;
    after.it_value.tv_nsec = ms % 1000 * 1000000 + 1; /* 0 would stop it */
    sigemptyset(&action.sa_mask);
    if (sigaction(signal_number(), &action, NULL) < 0 ||
        prctl(PR_SET_PDEATHSIG, signal_number()) < 0) {
        r = -errno;
        timer_delete(timer);
    }
    return r;
}
