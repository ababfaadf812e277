/* demangle.h - C++ names as people write them.
 *
 * The C++ runtime knows how; gale has none of its own, so it is loaded when it is there, which it
 * is wherever C++ plugins run. For short-lived processes that make reports. */
#pragma once

/* "shop::serve(int)" for "_ZN4shop5serveEi", and the same for what typeid calls a type. Returns
 * owned; what is no such name is copied as it is. */
char *demangle_function(const char *name);
char *demangle_type(const char *name);
