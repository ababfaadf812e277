/* upgrade_private.h - what writing and reading a master's state have in common. */
#pragma once

/* Another number: another meaning of the records, which earlier programs would take wrong. */
enum { UPGRADE_FORMAT = 1 };
