/* code.h - shared objects made on the spot, for tests of what becomes of them. */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char code_folder[64];

static inline void code_open(void)
{
    strcpy(code_folder, "/tmp/gale-code-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(code_folder));
}

static inline void code_run(const char *format, ...)
{
    char command[1024];
    int len = snprintf(command, sizeof(command), "cd %s && ", code_folder);
    va_list args;
    va_start(args, format);
    vsnprintf(command + len, sizeof(command) - (size_t)len, format, args);
    va_end(args);
    ck_assert_msg(system(command) == 0, "%s", command);
}

static inline void code_close(void)
{
    code_run("chmod -R u+rwx . && rm -r %s", code_folder);
}

/* A path in the folder; two at a time. */
static inline const char *code_path(const char *name)
{
    static char paths[2][128];
    static int next;
    next = !next;
    snprintf(paths[next], sizeof(paths[0]), "%s/%s", code_folder, name);
    return paths[next];
}

/* app/main.so finds lib/liba.so, and that lib/sub/libb.so. */
static inline void code_make_three(void)
{
    code_run("mkdir -p app lib/sub");
    code_run("echo 'int b(void) { return 1; }' | "
             "cc -shared -fPIC -x c - -Wl,-soname,libb.so -o lib/sub/libb.so");
    code_run("echo 'int b(void); int a(void) { return b() + 1; }' | "
             "cc -shared -fPIC -x c - -o lib/liba.so -Wl,-soname,liba.so -Llib/sub "
             "-Wl,-rpath,'$ORIGIN/sub' -lb");
    code_run("echo 'int a(void); int answer(void) { return a() + 40; }' | "
             "cc -shared -fPIC -x c - -o app/main.so -Llib -Wl,-rpath,'$ORIGIN/../lib' "
             "-Wl,--allow-shlib-undefined -la");
}
