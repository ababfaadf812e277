/* listen_option.c - what is no address, with what was probably meant. */
#include "cli/listen_option.h"

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "net/endpoint.h"

static void refuse(const char *command, const char *text)
{
    uint64_t port;
    fprintf(stderr, "gale %s: --listen %s: that is no address; ", command, text);
    if (str_to_u64(str_of(text), &port) == 0 && port > 0 && port <= UINT16_MAX)
        fprintf(stderr, "write *:%s or 127.0.0.1:%s\n", text, text);
    else
        fputs("expected ADDRESS:PORT such as 127.0.0.1:8080, *:80 or [::1]:8080, or unix:PATH\n",
              stderr);
}

int listen_option_check(const char *command, const char *const *listen)
{
    struct endpoint endpoint;
    for (; *listen; listen++) {
        if (endpoint_parse(str_of(*listen), &endpoint) != -EINVAL) /* a name is looked up later */
            continue;
        refuse(command, *listen);
        return COMMAND_WRONG;
    }
    return COMMAND_OK;
}
