/* replay.c - every fuzz target in one program without a fuzzer: replay TARGET FILE...
 *
 * So the corpora are regression tests that any compiler builds; the Makefile lists the targets and
 * gives each one's function its name. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int target_fn(const uint8_t *data, size_t size);

#define X(name) int fuzz_##name(const uint8_t *data, size_t size);
TARGETS
#undef X

static const struct {
    const char *name;
    target_fn *fn;
} targets[] = {
#define X(name) {#name, fuzz_##name},
    TARGETS
#undef X
};

/* In memory that ends where the file does. */
static int replay(target_fn *fn, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return 1;
    }
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(size ? size : 1);
    int r = fread(data, 1, size, file) != size;
    fclose(file);
    if (r == 0)
        (void)fn(data, size);
    free(data);
    return r;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof(targets) / sizeof(*targets); i++) {
        if (strcmp(targets[i].name, argv[1]) != 0)
            continue;
        for (int file = 2; file < argc; file++)
            if (replay(targets[i].fn, argv[file]))
                return 1;
        return 0;
    }
    fprintf(stderr, "usage: replay TARGET FILE...\n");
    return 2;
}
