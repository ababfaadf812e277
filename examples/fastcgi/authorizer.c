/* authorizer.c - a FastCGI authorizer: asked before another app, which it lets answer or not.
 *
 *   [app door]                                   [app secret]
 *   fastcgi = spawn                              mount     = /secret
 *   command = build/examples/fastcgi/authorizer  plugin    = files
 *                                                authorize = door
 *
 * Whoever says ?name=NAME may pass, and the app behind it learns the name as the variable VISITOR;
 * everybody else is asked for it. */
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    while (FCGI_Accept() >= 0) {
        const char *query = getenv("QUERY_STRING");
        const char *name = query && strncmp(query, "name=", 5) == 0 ? query + 5 : "";
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        if (len > 0 && !name[len])
            printf("Status: 200\r\nVariable-VISITOR: %s\r\n\r\n", name);
        else
            printf("Status: 403\r\nContent-Type: text/plain\r\n\r\n"
                   "Who are you? Add ?name=NAME to the address, in small letters.\n");
    }
    return 0;
}
