/* counter.c - a FastCGI program that counts, with libfcgi as such programs have always been
 * written.
 *
 * It lives on between requests, so the count goes up; each of its processes has its own. */
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

int main(void)
{
    for (unsigned long count = 1; FCGI_Accept() >= 0; count++) {
        printf("Content-Type: text/html; charset=utf-8\r\n\r\n"
               "<!doctype html>\n<title>counter</title>\n"
               "<h1>%lu</h1>\n<p>requests answered by process %d, the last one for a %s of %s%s.\n",
               count, (int)getpid(), variable("REQUEST_METHOD"), variable("SCRIPT_NAME"),
               variable("PATH_INFO"));
    }
    return 0;
}
