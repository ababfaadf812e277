/* listen_option.h - the addresses of --listen, which no configuration has looked at. */
#pragma once

/* Returns COMMAND_OK, or what to exit with after saying on standard error which of them (ended by
 * NULL) is no address. */
int listen_option_check(const char *command, const char *const *listen);
