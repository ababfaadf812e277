/* Any bytes in the memory files by which the master tells workers of copies and of builds: they are
 * refused, or what is read of them is whole texts. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/code.h"
#include "app/dev_state.h"
#include "base/arena.h"
#include "base/str.h"
#include "process/code_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(struct gale_str text, struct arena *arena)
{
    struct dev_state state, again;
    if (dev_state_decode(text, arena, &state) < 0)
        return;
    for (size_t i = 0; i < state.count; i++) {
        const struct dev_app *app = &state.apps[i];
        assert(strlen(app->name) + strlen(app->folder) + strlen(app->text) <= text.len);
        assert(app->stage <= DEV_REFUSED && app->crash.id && app->crash.stack);
    }
    assert(dev_state_decode(dev_state_encode(&state, arena), arena, &again) == 0);
    assert(again.count == state.count && again.build == state.build);
}

static void check_codes(const uint8_t *data, size_t size, struct arena *arena)
{
    static int fd = -1;
    struct code *codes;
    size_t count;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return;
    int r = code_list_read(fd, arena, &codes, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        assert(strlen(codes[i].app) + strlen(codes[i].path) + strlen(codes[i].root) < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    check_state((struct gale_str){(const char *)data, size}, &arena);
    check_codes(data, size, &arena);
    arena_finish(&arena);
    return 0;
}
