/* apps_table.h - what a configuration serves where, for people. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct app_config;
struct config;

enum { ADDRESS_MAX = 160 };

/* How a client reaches a listen address: "http://localhost:8080" for *:8080; "unix:PATH" as it is.
 * Returns out. */
const char *address_of_clients(const char *listen, char out[ADDRESS_MAX]);
/* One line an app: name, mount, adapter, and what it serves with, as its section says:
 * "build/examples/hello.so"; with `heads` above them. */
void apps_table_print(const struct config *config, bool heads, FILE *out);
