/* fuzz_ini.c - any bytes as configuration: read straight, and as a file.
 *
 * Whatever comes out is text with a line that exists, and both ways agree in every call. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/ini.h"
#include "base/ini_line.h"
#include "base/setting.h"
#include "base/str.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t hash;
    unsigned sections, keys, max_line;
};

static void see(struct seen *seen, const char *text, unsigned line)
{
    struct gale_str str = str_of(text);
    assert(utf8_valid_len(str) == str.len && str.len <= INI_LINE_MAX);
    assert(line);
    for (size_t i = 0; i < str.len; i++) {
        assert((unsigned char)str.at[i] >= 0x20 || str.at[i] == '\t');
        seen->hash = (seen->hash ^ (unsigned char)str.at[i]) * 0x100000001B3;
    }
    seen->hash = (seen->hash ^ line) * 0x100000001B3;
    seen->max_line = line;
}

static void on_section(void *data, const char *name, const char *file, unsigned line)
{
    struct seen *seen = data;
    assert(name[0] && file);
    see(seen, name, line);
    seen->sections++;
}

static void on_key(void *data, const char *key, const char *value, const char *file, unsigned line)
{
    struct seen *seen = data;
    assert(key[0] && file && seen->sections);
    assert(!strchr(key, '=') && !strchr(key, ':'));
    see(seen, key, line);
    see(seen, value, line);
    seen->keys++;
}

static struct seen parse(struct gale_str text, struct setting_errors *errors)
{
    struct seen seen = {0};
    struct ini_handler handler = {on_section, on_key, &seen};
    ini_parse_text("x", text, &handler, errors);
    return seen;
}

static struct seen load_and_parse(struct gale_str text, struct setting_errors *errors)
{
    char path[64];
    size_t len;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    char *loaded = ini_load(path, &len, errors);
    close(fd);
    struct seen seen = parse((struct gale_str){loaded, len}, errors);
    free(loaded);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors direct = {.arena = &arena}, loaded = {.arena = &arena};
    struct gale_str text = {(const char *)data, size};
    struct seen seen = parse(text, &direct);
    /* A marker is one in a loaded text only, and an include would open what the bytes name. */
    if (!memchr(data, INI_LINE_MARKER, size) && !memmem(data, size, "include", 7)) {
        struct seen again = load_and_parse(text, &loaded);
        assert(seen.hash == again.hash && seen.keys == again.keys);
        assert(seen.sections == again.sections && direct.len == loaded.len);
    }
    arena_finish(&arena);
    return 0;
}
