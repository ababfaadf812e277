/* http_refusal.h - why a request is not served: what the pure parts of HTTP say no with. */
#pragma once

/* The status to answer with before closing, and a short sentence for the log and the error page
 * (static storage). */
struct http_refusal {
    int status;
    const char *why;
};

/* Fills *out_refusal in and returns -1, for `return http_refuse(...)`. */
static inline int http_refuse(struct http_refusal *out_refusal, int status, const char *why)
{
    *out_refusal = (struct http_refusal){status, why};
    return -1;
}
