/* cgi_head.h - the head of an answer as CGI has it (RFC 3875 6), which FastCGI took over. */
#pragma once
#include <stdint.h>
#include <gale/str.h>

struct exchange;

/* Status, the fields set so far and the length, where it is known (not -1), with the empty line
 * behind them; on the exchange's arena. */
struct gale_str cgi_head_write(struct exchange *exchange, int64_t body_length);
