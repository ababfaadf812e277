/* format.h - vsnprintf, quicker for what most formats are: text with %s in it.
 *
 * An answer made by gale_reply is such a format, and for a short one vsnprintf was a tenth of all
 * that gale did. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf, in every respect. */
__attribute__((format(printf, 3, 0))) int format_text(char *to, size_t size, const char *format,
                                                      va_list args);
