/* elf_file.h - what a shared object says of itself and of the libraries that it needs.
 *
 * Reads headers and the dynamic section, with nothing believed: the bytes are a stranger's, and
 * somebody may be writing them just now. Never maps the file, so that a truncation is a short read
 * and no signal. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct arena;

struct elf_facts {
    struct gale_str soname; /* "": none */
    struct gale_str rpath, runpath;
    struct gale_str *needed; /* names, in their order */
    size_t needed_count;
};

/* Reads the file's facts onto the arena. Returns 0; -ENOEXEC for what is no 64-bit ELF file of this
 * byte order; -ENODATA when the file is shorter than its headers say, or their parts lie outside
 * it; or -errno of reading. */
int elf_file_read(int fd, struct arena *arena, struct elf_facts *out_facts);
