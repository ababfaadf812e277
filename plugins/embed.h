/* embed.h - a file of the source tree as bytes of the plugin.
 *
 *     EMBED(page, "plugins/status/page.html");
 *
 * declares `const char page[]`, ended by a zero byte and seen by this plugin alone. The path starts
 * where the compiler was started, at the top of the tree. C17 knows no #embed; the assembler has
 * always known it. */
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
