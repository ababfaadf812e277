/* notify.c - one datagram; RELOADING needs the time it began. */
#include "process/notify.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "net/message_socket.h"

void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || !*path)
        return;
    bool is_reload = strcmp(state, "RELOADING=1") == 0;
    scoped_free char *timed =
        memory_printf("%s\nMONOTONIC_USEC=%llu", state, (unsigned long long)clock_mono_ns() / 1000);
    (void)message_socket_tell(path, is_reload ? timed : state);
}
