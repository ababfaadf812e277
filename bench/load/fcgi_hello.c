/* fcgi_hello.c - the same libfcgi program behind every server that is measured with FastCGI.
 *
 * It reads the request's body to its end. A thread for each connection that may be open, so that no
 * server waits for another one's kept connections.
 * Usage, with the listening socket as descriptor 0: fcgi_hello THREADS [LENGTH] */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static size_t length = 13;
static char *body;

static void *serve(void *unused)
{
    FCGX_Request request;
    char block[65536];
    (void)unused;
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) == 0) {
        while (FCGX_GetStr(block, sizeof(block), request.in) > 0)
            continue;
        FCGX_PutS("Content-Type: text/plain\r\n\r\n", request.out);
        FCGX_PutStr(body, (int)length, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    if (argc > 2)
        length = (size_t)atol(argv[2]);
    body = malloc(length + 1);
    memset(body, 'x', length);
    memcpy(body, "hello, world\n", length < 13 ? length : 13);
    FCGX_Init();
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve, NULL);
    }
    serve(NULL);
    return 0;
}
