/* command.h - a command of gale: one row of the table, one file each.
 *
 * A row says all that help, the check of the command line and the manual page's test need to know;
 * `run` does the work and returns what gale exits with. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct command_line;

/* What gale exits with; the help and the manual page list them. */
enum command_exit {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,        /* it was tried and went wrong */
    COMMAND_WRONG = 2,         /* the command line, or the configuration */
    COMMAND_CANNOT_LISTEN = 3, /* an address or a control socket is taken */
    COMMAND_NO_INSTANCE = 4,   /* none runs, or several do */
};

/* Of commands that listen, and of those that ask a running instance. */
#define COMMAND_EXITS_LISTENING "3 an address or the control socket is taken"
#define COMMAND_EXITS_ASKING    "4 no such instance runs, or several do"

struct command_option {
    const char *name;  /* "--listen" */
    const char *value; /* what has to follow it, "ADDR"; NULL: nothing does */
    const char *help;  /* one sentence */
};

struct command {
    const char *name;
    const char *usage;                    /* behind the name: "[CONF] [--json]" */
    const char *summary;                  /* its line in `gale help`; NULL: not listed there */
    const char *text;                     /* what it does, in lines of at most 78 columns */
    const char *examples;                 /* a line each; NULL: none */
    const struct command_option *options; /* ended by a NULL name; NULL: none */
    size_t operands;                      /* at most so many */
    const char *exits;                    /* what it exits with besides 0, 1 and 2; NULL */
    int (*run)(const struct command_line *line);
};

extern const struct command command_run, command_dev, command_check, command_reload,
    command_rollback, command_upgrade, command_stop, command_status, command_new, command_test,
    command_cgi, command_version, command_help, command_document;

/* All of them, ended by NULL, in the order of `gale help`. */
extern const struct command *const commands[];

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);
/* The listed command whose name is nearest to this, or NULL. */
const char *command_nearest(const char *name);

/* Does what the command line says; argv[1] names the command. Returns what to exit with. */
int command_main(int argc, char **argv);
