/* control_client.h - one request to a control socket (process/control.h says what it answers). */
#pragma once
#include <stdint.h>

struct control_answer {
    int status; /* of HTTP */
    char *body; /* owned, ends in a zero */
};

/* Asks and waits for the whole answer, at most timeout_ms (-1: as long as it takes). Returns 0;
 * -ENOENT or -ECONNREFUSED when nobody is there, -ENODATA when the other side hung up without an
 * answer, -EPROTO for one that is no HTTP, -ETIMEDOUT, or another -errno. Makes a loop of its own:
 * for commands, which have none. */
int control_client_ask(const char *socket, const char *method, const char *target,
                       int64_t timeout_ms, struct control_answer *out_answer);
