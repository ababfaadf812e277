/* gale/macros.h - the few macros of gale's public headers. */
#pragma once

#ifdef __cplusplus
#define GALE_BEGIN extern "C" {
#define GALE_END   }
#define GALE_C     extern "C"
#else
#define GALE_BEGIN
#define GALE_END
#define GALE_C extern
#endif

/* A function of gale that plugins may call; a function of a plugin that gale may call. */
#define GALE_API    __attribute__((visibility("default")))
#define GALE_EXPORT __attribute__((visibility("default")))

/* Lets the compiler check a format against its arguments. */
#define GALE_FORMAT(text, first) __attribute__((__format__(__printf__, text, first)))
