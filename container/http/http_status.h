/* http_status.h - status codes and their reason phrases. */
#pragma once
#include <gale/str.h>

/* "Not Found" for 404; "Status" for a code that has no phrase. Static storage. */
struct gale_str http_status_reason(int status);
/* Whether a response with this status never has a body (1xx, 204, 304; RFC 9110 6.4.1). */
int http_status_is_bodyless(int status);
