/* version.h - this gale's version; `make install` reads it here, too. */
#pragma once

#define GALE_VERSION "1.0.0"
