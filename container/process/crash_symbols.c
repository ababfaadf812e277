/* crash_symbols.c - elfutils' libdw, asked once for each frame. */
#include "process/crash_symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/plugin/demangle.h"
#include "base/crash_record.h"
#include "base/macros.h"
#include "process/identity.h"

static const char self[] = "/proc/self/exe";

/* ---- files ---- */

struct file {
    Dwfl_Module *module; /* NULL: gone, replaced, or no ELF file */
    Elf *elf;
    GElf_Addr bias; /* from the file's addresses to libdw's */
};

/* What lies there now may be another build, whose lines would be wrong. */
static bool is_as_loaded(int fd, const struct crash_module *module)
{
    unsigned char head[CRASH_HEAD] = {0};
    return pread(fd, head, sizeof(head), 0) > 0 &&
           (!module->head || crash_head_hash(head) == module->head);
}

/* gale itself may lie where this process may not look; it runs it, however. */
static const char *path_of(const struct crash_module *module)
{
    scoped_close int fd = open(self, O_RDONLY | O_CLOEXEC);
    return module->head && fd >= 0 && is_as_loaded(fd, module) ? self : module->path;
}

static struct file open_file(Dwfl *session, const struct crash_module *module)
{
    struct file file = {0};
    const char *path = path_of(module);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return file;
    if (is_as_loaded(fd, module))
        file.module = dwfl_report_offline(session, module->path, path, fd); /* takes fd */
    if (!file.module)
        close(fd);
    else if (!(file.elf = dwfl_module_getelf(file.module, &file.bias)))
        file.module = NULL;
    return file;
}

/* Where the loader puts what lies at that offset, as libdw counts. False for no loaded place. */
static bool find_address(const struct file *file, uint64_t offset, GElf_Addr *out_address)
{
    size_t count;
    if (!file->module || elf_getphdrnum(file->elf, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr part;
        if (!gelf_getphdr(file->elf, (int)i, &part) || part.p_type != PT_LOAD ||
            offset < part.p_offset || offset - part.p_offset >= part.p_filesz)
            continue;
        *out_address = offset - part.p_offset + part.p_vaddr + file->bias;
        return true;
    }
    return false;
}

/* ---- lines of the answer ---- */

static void put_clean(const char *text)
{
    for (; text && *text; text++)
        putchar(*text == '\t' || *text == '\n' ? ' ' : *text);
}

static void put_line(unsigned frame, const char *function, uint64_t offset, const char *file,
                     int line)
{
    scoped_free char *name = function ? demangle_function(function) : NULL;
    printf("%u\t", frame);
    put_clean(name);
    printf("\t%llu\t", (unsigned long long)offset);
    put_clean(file);
    printf("\t%d\n", line);
}

/* ---- functions ---- */

static const char *name_of(Dwarf_Die *die)
{
    static const unsigned names[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name};
    Dwarf_Attribute attribute;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *name = dwarf_formstring(dwarf_attr_integrate(die, names[i], &attribute));
        if (name)
            return name;
    }
    return dwarf_diename(die);
}

static const char *call_file(Dwarf_Die *unit, Dwarf_Die *inlined, int *out_line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word index = 0, line = 0;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &index) < 0 ||
        dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) < 0 ||
        dwarf_getsrcfiles(unit, &files, &count) < 0)
        return NULL;
    *out_line = (int)line;
    return dwarf_filesrc(files, index, NULL, NULL);
}

struct place {
    unsigned frame;
    Dwfl_Module *module;
    GElf_Addr address;
    const char *symbol; /* the ELF file's; NULL: none */
    uint64_t offset;    /* in it */
    const char *file;   /* NULL: unknown */
    int line;
};

/* Each function that was inlined here, then the one that they were inlined into. False without any
 * such information. */
static bool put_functions(const struct place *place, Dwarf_Die *unit, Dwarf_Addr bias)
{
    Dwarf_Die *at = NULL, *scopes = NULL;
    const char *file = place->file;
    int line = place->line;
    bool is_done = false;
    int count = dwarf_getscopes(unit, place->address - bias, &at);
    if (count > 0)
        count = dwarf_getscopes_die(&at[0], &scopes);
    for (int i = 0; i < count && !is_done; i++) {
        int tag = dwarf_tag(&scopes[i]);
        is_done = tag == DW_TAG_subprogram;
        if (!is_done && tag != DW_TAG_inlined_subroutine)
            continue;
        const char *name = name_of(&scopes[i]);
        put_line(place->frame, name ? name : place->symbol, is_done ? place->offset : 0, file,
                 line);
        file = is_done ? NULL : call_file(unit, &scopes[i], &line);
    }
    free(at);
    free(scopes);
    return is_done;
}

static void find_symbol(struct place *place)
{
    GElf_Sym symbol;
    GElf_Off offset = 0;
    place->symbol =
        dwfl_module_addrinfo(place->module, place->address, &offset, &symbol, NULL, NULL, NULL);
    place->offset = offset;
}

/* Many compilers leave out the table of who has which addresses. */
static Dwarf_Die *find_unit(const struct place *place, Dwarf_Addr *out_bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(place->module, place->address, out_bias);
    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(place->module, unit, out_bias)))
        if (dwarf_haspc(unit, place->address - *out_bias) > 0)
            return unit;
    return NULL;
}

static void find_line(struct place *place, Dwarf_Die *unit, Dwarf_Addr bias)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, place->address - bias);
    if (line && dwarf_lineno(line, &place->line) == 0)
        place->file = dwarf_linesrc(line, NULL, NULL);
}

static void put_frame(const struct file *file, const struct crash_frame *frame, unsigned index)
{
    struct place place = {.frame = index, .module = file->module};
    Dwarf_Addr bias = 0;
    /* What is returned to may be the next function's beginning. */
    uint64_t offset = frame->offset - !frame->is_exact;
    if (!find_address(file, offset, &place.address))
        return;
    find_symbol(&place);
    place.offset += !frame->is_exact;
    Dwarf_Die *unit = find_unit(&place, &bias);
    if (unit)
        find_line(&place, unit, bias);
    if (!place.symbol && !place.file) /* where it is, at least, as addr2line counts */
        put_line(index, NULL, place.address - file->bias, NULL, 0);
    else if (!unit || !put_functions(&place, unit, bias))
        put_line(index, place.symbol, place.offset, place.file, place.line);
}

/* ---- a record ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void put_record(const struct crash_record *record)
{
    static char *debug_path;
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &debug_path,
    };
    struct file files[CRASH_MODULES] = {0};
    Dwfl *session = dwfl_begin(&callbacks);
    if (!session)
        return;
    dwfl_report_begin(session);
    for (uint32_t i = 0; i < least(record->module_count, CRASH_MODULES); i++)
        files[i] = open_file(session, &record->modules[i]);
    (void)dwfl_report_end(session, NULL, NULL);
    for (uint32_t i = 0; i < least(record->frame_total, CRASH_FRAMES); i++)
        if (record->frames[i].module < CRASH_MODULES)
            put_frame(&files[record->frames[i].module], &record->frames[i], i);
    dwfl_end(session);
}

static void put_exception(const struct crash_record *record)
{
    scoped_free char *type = demangle_type(record->exception);
    printf("%d\t", CRASH_FRAMES);
    put_clean(type);
    printf("\t0\t\t0\n");
}

static void terminate(char *text, size_t size)
{
    text[size - 1] = 0;
}

static int become(char **argv)
{
    const struct identity identity = {
        .is_changed = true,
        .uid = (uid_t)strtoul(argv[2], NULL, 10),
        .gid = (gid_t)strtoul(argv[3], NULL, 10),
        .user = *argv[4] ? argv[4] : NULL,
    };
    return identity_assume(&identity);
}

int crash_symbols_main(int argc, char **argv)
{
    static struct crash_record record;
    if (argc == 5 && become(argv) < 0)
        return 1;
    if (pread(STDIN_FILENO, &record, sizeof(record), 0) != sizeof(record)) {
        fprintf(stderr, "gale: `gale symbols` is for gale itself\n");
        return 2;
    }
    for (size_t i = 0; i < CRASH_MODULES; i++)
        terminate(record.modules[i].path, sizeof(record.modules[i].path));
    terminate(record.exception, sizeof(record.exception));
    if (record.exception[0])
        put_exception(&record);
    put_record(&record);
    return fflush(stdout) == 0 ? 0 : 1;
}
