/* version.h - this gale's version, said here alone: `make install` reads it here, too, and the
 * newest entry of CHANGELOG.md is about it. */
#pragma once

#define GALE_VERSION "0.5.0"
