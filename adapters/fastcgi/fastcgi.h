/* fastcgi.h - the adapter of FastCGI servers: php-fpm, libfcgi programs, and whatever else listens.
 *
 *   serve       which program, which server, again or not    fastcgi_serve.c
 *   script      root, index, script, split                   fastcgi_script.c
 *   send        variables and body out                       fastcgi_send.c
 *   reply       records in, the answer out                   fastcgi_reply.c
 *   answer      what the reply means for the client          fastcgi_answer.c
 *   upstream    servers, their connections and their health  upstream.c, upstream_connection.c
 *
 * A connection carries one request at a time: FastCGI has no flow control for each request, so
 * sharing a connection and back-pressure exclude each other. */
#pragma once
#include "app/adapter.h"

extern const struct adapter fastcgi_adapter;
