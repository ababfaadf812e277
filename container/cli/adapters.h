/* adapters.h - what this gale can host: one line an adapter. */
#pragma once

struct adapter;

/* Ended by NULL. */
extern const struct adapter *const adapters[];
