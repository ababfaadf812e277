/* dev_crash.h - a crash report, as gale dev tells it. */
#pragma once

struct crash;
struct dev_master;

/* Tells browsers and the terminal. Takes a NULL dev: then nobody is told. */
void dev_crash_tell(struct dev_master *dev, const struct crash *crash);
