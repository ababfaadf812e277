/* cgi_environment.h - a program's arguments and environment.
 *
 * The environment is made from nothing: what the app passes on of gale's own, then the variables of
 * the request. Arguments are the configuration's and the program's path; nothing of a request ever
 * becomes one (CVE-2012-1823). */
#pragma once

struct arena;
struct cgi_program;
struct cgi_settings;
struct gale_request;

/* Both end in NULL and are on the request's arena. `passed` is from cgi_environment_pass;
 * content_length -1: none. */
const char *const *cgi_environment(const struct cgi_settings *settings, const char *const *passed,
                                   const struct cgi_program *program, struct gale_request *req,
                                   long long content_length);
const char *const *cgi_arguments(const struct cgi_program *program, struct arena *arena);

/* "NAME=value" of gale's own variables that the app passes on, ended with NULL; one block, owned.
 */
const char **cgi_environment_pass(const struct cgi_settings *settings);
