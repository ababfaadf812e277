/* embed.h - a file of the source tree as bytes of the program.
 *
 *     EMBED(text, "container/cli/templates/test.in");
 *
 * declares `const char text[]`, ended by a zero byte. The path starts where the compiler was
 * started, at the top of the tree. (plugins/embed.h is the same for plugins, which see nothing of
 * container/.) */
#pragma once

#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden embedded_" #name "\n"                                                         \
            ".globl embedded_" #name "\n"                                                          \
            "embedded_" #name ":\n"                                                                \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char name[] __asm__("embedded_" #name) __attribute__((visibility("hidden")))
