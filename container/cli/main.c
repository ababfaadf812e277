/* main.c - gale: a command for people, or a process that a master has started. */
#include <string.h>

#include "cli/adapters.h"
#include "cli/command.h"
#include "process/crash_symbols.h"
#include "process/worker.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc, argv, adapters);
    if (argc > 1 && strcmp(argv[1], "symbols") == 0)
        return crash_symbols_main(argc, argv);
    return command_main(argc, argv);
}
