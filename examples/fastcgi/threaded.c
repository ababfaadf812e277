/* threaded.c - a FastCGI program that answers several requests at once, a thread each.
 *
 * Shows what it was sent: the variables, and how long the body was. ?sleep=MS makes it slow.
 *
 * There is no lock round FCGX_Accept_r, which older programs have: a thread that waits there for
 * the next request of a kept connection would hold up all the others. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8 };

static size_t read_body(FCGX_Request *request)
{
    char block[8192];
    size_t len = 0;
    int n;
    while ((n = FCGX_GetStr(block, sizeof(block), request->in)) > 0)
        len += (size_t)n;
    return len;
}

static void be_slow(const FCGX_Request *request)
{
    const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
    if (query && strncmp(query, "sleep=", 6) == 0)
        usleep(1000 * (unsigned)atoi(query + 6));
}

static void answer(FCGX_Request *request)
{
    size_t len = read_body(request);
    be_slow(request);
    FCGX_FPrintF(request->out, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
    for (char **at = request->envp; *at; at++)
        FCGX_FPrintF(request->out, "%s\n", *at);
    FCGX_FPrintF(request->out, "\nThe body had %lu bytes.\n", (unsigned long)len);
}

static void *serve(void *unused)
{
    FCGX_Request request;
    (void)unused;
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) >= 0) {
        answer(&request);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    FCGX_Init();
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread, NULL, serve, NULL);
    serve(NULL);
    return 0;
}
