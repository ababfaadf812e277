/* tcp_client.h - connecting, with a deadline, without blocking the loop. */
#pragma once
#include "base/macros.h"
#include "net/endpoint.h"

/* Connects; returns the non-blocking descriptor (owned; the loop knows it, so ioloop_close it),
 * -ETIMEDOUT, or -errno. A full backlog of a unix socket (-EAGAIN) is waited for within the
 * time-out. On a task, as all here. */
SUSPENDS int tcp_connect(const struct endpoint *endpoint, int64_t timeout_ms);
/* The same for text as endpoint_parse reads it or NAME:PORT, which is resolved on an offload
 * thread; its addresses are tried one after the other. -EHOSTUNREACH for a name nobody knows. */
SUSPENDS int tcp_connect_text(struct gale_str text, int64_t timeout_ms);
