/* demangle.c - __cxa_demangle of whatever libstdc++ is installed. */
#include "adapters/plugin/demangle.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

typedef char *demangle_fn(const char *name, char *out, size_t *len, int *out_status);

static demangle_fn *find(void)
{
    static demangle_fn *found;
    static int is_sought;
    if (is_sought)
        return found;
    is_sought = 1;
    void *runtime = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
    if (runtime)
        *(void **)&found = dlsym(runtime, "__cxa_demangle");
    return found;
}

char *demangle_type(const char *name)
{
    int status = 0;
    demangle_fn *demangle = find();
    char *plain = demangle ? demangle(name, NULL, NULL, &status) : NULL;
    return plain ? plain : memory_copy(name, strlen(name));
}

/* A function called `i` is not a type called int. */
char *demangle_function(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 ? demangle_type(name) : memory_copy(name, strlen(name));
}
