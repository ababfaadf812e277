/* embed.h - a file of the source tree as bytes of gale.
 *
 *     EMBED(style, "container/app/dev.css");
 *
 * declares `const char style[]`, ended by a zero byte. The path starts where the compiler was
 * started, at the top of the tree; the Makefile names the file as what the object is made of, too.
 * (Plugins have the same in plugins/embed.h, since they include nothing of gale's inside.) */
#pragma once

#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden gale_embedded_" #name "\n"                                                    \
            ".globl gale_embedded_" #name "\n"                                                     \
            "gale_embedded_" #name ":\n"                                                           \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char name[] __asm__("gale_embedded_" #name) __attribute__((visibility("hidden")))
