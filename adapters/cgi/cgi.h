/* cgi.h - the adapter of CGI programs (RFC 3875).
 *
 *   serve          which program, may it run, what came of it       cgi.c
 *   find           a path below the mount: program and PATH_INFO    cgi_find.c
 *   environment    arguments and variables                          cgi_environment.c
 *   run            one program: its pipes, its time, its end        cgi_run.c
 *   feed           the request body on its way to it                cgi_feed.c
 *   settings       the keys                                         cgi_settings.c
 *
 * A request's task reads the program's output and writes the response, another one reads the
 * request body and writes the program's input, so neither can wait for the other for ever; stderr,
 * time and the program's end are handlers of the loop. */
#pragma once
#include "app/adapter.h"

extern const struct adapter cgi_adapter;
