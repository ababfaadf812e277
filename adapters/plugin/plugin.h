/* plugin.h - the adapter for compiled applications: `plugin = FILE.so` or an installed name. */
#pragma once
#include "app/adapter.h"

extern const struct adapter plugin_adapter;
