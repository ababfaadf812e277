/* adapters.c - the table of adapters. */
#include "cli/adapters.h"

#include <stddef.h>

#include "adapters/cgi/cgi.h"
#include "adapters/fastcgi/fastcgi.h"
#include "adapters/plugin/plugin.h"

const struct adapter *const adapters[] = {&plugin_adapter, &cgi_adapter, &fastcgi_adapter, NULL};
