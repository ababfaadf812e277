/* main.c - gale: a command for people, or a process that a master has started. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/adapters.h"
#include "cli/command.h"
#include "process/crash_symbols.h"
#include "process/worker.h"

/* Whoever starts gale may have closed them. What is opened next would take their place, and what is
 * written to standard error would go there. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc, argv, adapters);
    if (argc > 1 && strcmp(argv[1], "symbols") == 0)
        return crash_symbols_main(argc, argv);
    return command_main(argc, argv);
}
