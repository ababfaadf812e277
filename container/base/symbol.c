/* symbol.c - dladdr for what is exported, the file's own symbol table for the rest. */
#include "base/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/macros.h"

enum { FIRST_PAGE = 4096 };

/* A file of code as it lies on disk. */
struct image {
    const char *at; /* mapped; NULL: none */
    size_t len;
};

static struct image image_open(const char *path)
{
    struct stat info;
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size < FIRST_PAGE)
        return (struct image){0};
    void *at = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return (struct image){0};
    return (struct image){at, (size_t)info.st_size};
}

/* The first page holds the headers, and mostly the build's id: a file that was built anew since it
 * was loaded would give wrong names. */
static bool is_loaded(const struct image *image, const void *loaded_at)
{
    return memcmp(image->at, loaded_at, FIRST_PAGE) == 0;
}

/* `size` bytes of the file from `offset` on, or NULL where it does not have them. */
static const void *part(const struct image *image, uint64_t offset, uint64_t size)
{
    bool is_inside = offset <= image->len && size <= image->len - offset;
    return is_inside && offset % 8 == 0 ? image->at + offset : NULL;
}

static const ElfW(Sym) *
    find_in(const ElfW(Sym) * symbols, size_t count, uint64_t address, size_t names_len)
{
    for (size_t i = 0; i < count; i++) {
        const ElfW(Sym) *symbol = &symbols[i];
        if ((symbol->st_info & 0xF) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
            symbol->st_name < names_len && address >= symbol->st_value &&
            address - symbol->st_value < symbol->st_size)
            return symbol;
    }
    return NULL;
}

/* The function that holds the address (as the file counts them), or NULL. */
static const char *find_name(const struct image *image, uint64_t address, uint64_t *out_start)
{
    const ElfW(Ehdr) *head = part(image, 0, sizeof(*head));
    if (!head)
        return NULL;
    const ElfW(Shdr) *sections = part(image, head->e_shoff, head->e_shnum * sizeof(*sections));
    for (size_t i = 0; sections && i < head->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= head->e_shnum)
            continue;
        const ElfW(Shdr) *strings = &sections[table->sh_link];
        const ElfW(Sym) *symbols = part(image, table->sh_offset, table->sh_size);
        bool has_names = strings->sh_size && strings->sh_offset <= image->len &&
                         strings->sh_size <= image->len - strings->sh_offset;
        if (!symbols || !has_names)
            return NULL;
        const char *names = image->at + strings->sh_offset;
        const ElfW(Sym) *found =
            find_in(symbols, table->sh_size / sizeof(*symbols), address, strings->sh_size);
        if (!found || names[strings->sh_size - 1])
            return NULL;
        *out_start = found->st_value;
        return names + found->st_name;
    }
    return NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *symbol_describe(const void *address, char out[SYMBOL_TEXT])
{
    Dl_info info = {0};
    struct link_map *map = NULL;
    if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) {
        snprintf(out, SYMBOL_TEXT, "%p", address);
        return out;
    }
    uint64_t start = (uint64_t)((const char *)info.dli_saddr - (const char *)map->l_addr);
    uint64_t at = (uint64_t)address - map->l_addr;
    const char *name = info.dli_sname;
    /* The program itself has no name in the list of what is loaded. */
    const char *path = map->l_name[0] ? map->l_name : "/proc/self/exe";
    struct image image = {0};
    if (!name)
        image = image_open(path);
    if (image.at && is_loaded(&image, info.dli_fbase))
        name = find_name(&image, at, &start);
    const char *file = last_part(info.dli_fname);
    if (name)
        snprintf(out, SYMBOL_TEXT, "%.100s+0x%llx (%.40s)", name, (unsigned long long)(at - start),
                 file);
    else
        snprintf(out, SYMBOL_TEXT, "0x%llx (%.40s)", (unsigned long long)at, file);
    if (image.at)
        munmap((void *)image.at, image.len);
    return out;
}

/* What is kept of a caller is where it goes on: the call itself, which may be the last thing in its
 * function, lies before that. */
const char *symbol_describe_stack(void *const *addresses, size_t count, char *out, size_t size)
{
    char text[SYMBOL_TEXT];
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const char *frame = symbol_describe((const char *)addresses[i] - 1, text);
        int n = snprintf(out + len, size - len, "%s%s", i ? ", " : "", frame);
        if (n < 0 || (size_t)n >= size - len) {
            out[len] = 0;
            break;
        }
        len += (size_t)n;
    }
    return out;
}
