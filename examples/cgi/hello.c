/* hello.c - a CGI program in C: greets, and counts the bytes it is sent.
 *
 *   curl 'http://127.0.0.1:8080/tools/hello.c?you'
 *   curl -T README.md http://127.0.0.1:8080/tools/hello.c */
#include <stdio.h>
#include <stdlib.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : "nobody";
}

int main(void)
{
    unsigned long bytes = 0;
    while (getchar() != EOF)
        bytes++;
    printf("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    printf("hello from C, %s; you sent %lu bytes\n", variable("QUERY_STRING"), bytes);
    return 0;
}
