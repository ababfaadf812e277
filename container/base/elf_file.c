/* elf_file.c - from the program headers to the dynamic section, and from there to its strings.
 *
 *   [head][program headers] ... [LOAD: ... strings ...][DYNAMIC: tag, value] ... [section headers]
 *
 * A linker writes the section headers last: a file that ends before they do is not finished. */
#include "base/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"

enum {
    PARTS_MAX = 256,            /* program headers */
    TAGS_MAX = 4096,            /* entries of the dynamic section */
    NEEDED_MAX = 1024,          /* libraries */
    STRING_MAX = 16 * 1024 - 1, /* one search path, or name */
    OWN_ORDER = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB,
};

struct elf_file {
    int fd;
    uint64_t size;
    struct arena *arena;
    Elf64_Ehdr head;
    Elf64_Phdr *parts; /* on the arena */
    Elf64_Dyn *tags;
    size_t tag_count;
};

static bool is_inside(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

static int read_at(const struct elf_file *file, uint64_t offset, void *to, uint64_t size)
{
    if (!is_inside(file, offset, size))
        return -ENODATA;
    for (uint64_t done = 0; done < size;) {
        ssize_t n = pread(file->fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        done += (uint64_t)n;
    }
    return 0;
}

/* ---- headers ---- */

static int read_head(struct elf_file *file)
{
    unsigned char ident[EI_NIDENT];
    if (read_at(file, 0, ident, sizeof(ident)) < 0 || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != OWN_ORDER)
        return -ENOEXEC;
    int r = read_at(file, 0, &file->head, sizeof(file->head));
    if (r < 0)
        return r;
    uint64_t sections = (uint64_t)file->head.e_shnum * file->head.e_shentsize;
    return is_inside(file, file->head.e_shoff, sections) ? 0 : -ENODATA;
}

static int read_parts(struct elf_file *file)
{
    const Elf64_Ehdr *head = &file->head;
    if (head->e_phentsize != sizeof(Elf64_Phdr) || !head->e_phnum || head->e_phnum > PARTS_MAX)
        return -ENOEXEC;
    uint64_t size = (uint64_t)head->e_phnum * sizeof(Elf64_Phdr);
    file->parts = arena_alloc(file->arena, size);
    int r = read_at(file, head->e_phoff, file->parts, size);
    for (unsigned i = 0; i < head->e_phnum && r == 0; i++)
        if (!is_inside(file, file->parts[i].p_offset, file->parts[i].p_filesz))
            r = -ENODATA;
    return r;
}

static int read_tags(struct elf_file *file)
{
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        const Elf64_Phdr *part = &file->parts[i];
        if (part->p_type != PT_DYNAMIC)
            continue;
        file->tag_count = part->p_filesz / sizeof(Elf64_Dyn);
        if (file->tag_count > TAGS_MAX)
            return -ENOEXEC;
        file->tags = arena_alloc(file->arena, (file->tag_count + 1) * sizeof(Elf64_Dyn));
        return read_at(file, part->p_offset, file->tags, file->tag_count * sizeof(Elf64_Dyn));
    }
    return 0;
}

/* ---- strings ---- */

/* The value of the first such tag, or 0. */
static uint64_t tag_value(const struct elf_file *file, int64_t tag)
{
    for (size_t i = 0; i < file->tag_count && file->tags[i].d_tag != DT_NULL; i++)
        if (file->tags[i].d_tag == tag)
            return file->tags[i].d_un.d_val;
    return 0;
}

/* Where in the file lies what is loaded at `address`; 0: nowhere. */
static uint64_t offset_of(const struct elf_file *file, uint64_t address)
{
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        const Elf64_Phdr *part = &file->parts[i];
        if (part->p_type == PT_LOAD && address >= part->p_vaddr &&
            address - part->p_vaddr < part->p_filesz)
            return part->p_offset + (address - part->p_vaddr);
    }
    return 0;
}

static int read_string(const struct elf_file *file, uint64_t index, struct gale_str *out)
{
    uint64_t table = offset_of(file, tag_value(file, DT_STRTAB));
    uint64_t size = tag_value(file, DT_STRSZ);
    if (!table || index >= size || !is_inside(file, table, size))
        return -ENODATA;
    char text[STRING_MAX + 1];
    uint64_t most = size - index < sizeof(text) ? size - index : sizeof(text);
    int r = read_at(file, table + index, text, most);
    const char *end = r == 0 ? memchr(text, 0, most) : NULL;
    if (!end)
        return r < 0 ? r : -ENOEXEC;
    *out = arena_copy(file->arena, text, (size_t)(end - text));
    return 0;
}

static int read_facts(const struct elf_file *file, struct elf_facts *facts)
{
    int r = 0;
    facts->needed = arena_zalloc(file->arena, (file->tag_count + 1) * sizeof(*facts->needed));
    for (size_t i = 0; i < file->tag_count && file->tags[i].d_tag != DT_NULL && r == 0; i++) {
        struct gale_str *to = NULL;
        if (file->tags[i].d_tag == DT_NEEDED && facts->needed_count < NEEDED_MAX)
            to = &facts->needed[facts->needed_count++];
        else if (file->tags[i].d_tag == DT_SONAME)
            to = &facts->soname;
        else if (file->tags[i].d_tag == DT_RPATH)
            to = &facts->rpath;
        else if (file->tags[i].d_tag == DT_RUNPATH)
            to = &facts->runpath;
        if (to && !to->len)
            r = read_string(file, file->tags[i].d_un.d_val, to);
    }
    return r;
}

int elf_file_read(int fd, struct arena *arena, struct elf_facts *out_facts)
{
    struct stat info;
    struct elf_facts facts = {.soname = STR(""), .rpath = STR(""), .runpath = STR("")};
    struct elf_file file = {.fd = fd, .arena = arena};
    if (fstat(fd, &info) < 0)
        return -errno;
    file.size = (uint64_t)info.st_size;
    int r = read_head(&file);
    if (r == 0)
        r = read_parts(&file);
    if (r == 0)
        r = read_tags(&file);
    if (r == 0)
        r = read_facts(&file, &facts);
    if (r == 0)
        *out_facts = facts;
    return r;
}
