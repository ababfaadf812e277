/* variables.h - a request as the variables that CGI and FastCGI programs read (RFC 3875 4.1).
 *
 * One producer for both: it walks the variables in a fixed order and hands each to the caller, who
 * makes an environment or a stream of name-value pairs of them. Nothing is inherited from gale's
 * own environment, and nothing from the network ever becomes an argument of a program.
 *
 *   app mounted on /tools, request GET /tools/a%20b/x?y=1, program below the mount "/a b"
 *     SCRIPT_NAME "/tools/a b"   PATH_INFO "/x"   QUERY_STRING "y=1"   REQUEST_URI as it was sent
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/str.h>

struct gale_request;
struct setting_pairs;

/* What the adapter knows about the program that will answer. Strings may be empty. */
struct gateway_script {
    struct gale_str name;             /* SCRIPT_NAME: the path that names the program, decoded; at
                                         NULL leaves it out, as an authorizer's */
    struct gale_str path_info;        /* PATH_INFO, decoded to the end (target_decode_fully) */
    struct gale_str filename;         /* SCRIPT_FILENAME; "" leaves it out */
    struct gale_str document_root;    /* DOCUMENT_ROOT and, with path_info, PATH_TRANSLATED */
    int64_t content_length;           /* CONTENT_LENGTH; -1: there is no body, it is left out */
    const struct setting_pairs *more; /* `env` or `param`, last, in place of any of that name */
};

/* Takes one variable; a result other than 0 stops the walk. Borrows both: their bytes are the
 * request's or the configuration's, or gone after the call. */
typedef int gateway_variable_fn(void *data, struct gale_str name, struct gale_str value);

/* Hands out the meta-variables, what others have said of the request (request_variable), in place
 * of those of the same name, then each request field as HTTP_NAME: duplicates joined (", ",
 * Cookie with "; "), Proxy never, nor Content-Length and Content-Type (they have their own), nor
 * Authorization unless the program may see it (`pass_authorization`), nor the fields of the
 * connection. Names that hold anything but letters, digits and `-` are dropped, `_` too, since a
 * name with `_` would become the variable of the one with `-`: so no field can pass for another.
 * PATH_INFO is left out when it is empty, as RFC 3875 lets it be, and PATH_TRANSLATED when it would
 * have `..` segments. Returns 0 or what fn returned. */
int gateway_variables(struct gale_request *req, const struct gateway_script *script,
                      bool pass_authorization, gateway_variable_fn *fn, void *data);
