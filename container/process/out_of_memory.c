/* out_of_memory.c - memory.events of cgroup v2, memory.oom_control of v1, else /proc/vmstat. */
#include "process/out_of_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"

/* Several workers may be killed at once, and are found one after the other. */
enum { CLAIM_MS = 5000 };

int64_t out_of_memory_read(const char *path)
{
    char line[256];
    long long count = -1;
    FILE *file = fopen(path, "re");
    while (file && count < 0 && fgets(line, sizeof(line), file))
        (void)sscanf(line, "oom_kill %lld", &count);
    if (file)
        fclose(file);
    return count;
}

/* "0::/system.slice/gale.service", or among others "9:memory:/..." */
static bool find_cgroup(const char *line, char *out, size_t size)
{
    const char *path = strstr(line, "::/");
    bool is_unified = strncmp(line, "0::/", 4) == 0;
    const char *memory = strstr(line, ":memory:/");
    int len = (int)strcspn(line, "\n");
    if (is_unified)
        snprintf(out, size, "/sys/fs/cgroup%.*s/memory.events", len - 3, path + 2);
    else if (memory)
        snprintf(out, size, "/sys/fs/cgroup/memory%.*s/memory.oom_control",
                 len - (int)(memory - line) - 8, memory + 8);
    else
        return false;
    return out_of_memory_read(out) >= 0;
}

/* A container may see its own cgroup as the topmost one, whatever that is called outside. */
static bool find_topmost(char *out, size_t size)
{
    static const char *const paths[] = {"/sys/fs/cgroup/memory.events",
                                        "/sys/fs/cgroup/memory/memory.oom_control"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        snprintf(out, size, "%s", paths[i]);
        if (out_of_memory_read(out) >= 0)
            return true;
    }
    return false;
}

void out_of_memory_init(struct out_of_memory *state)
{
    char line[512];
    bool is_found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    *state = (struct out_of_memory){0};
    while (file && !is_found && fgets(line, sizeof(line), file))
        is_found = find_cgroup(line, state->path, sizeof(state->path));
    if (file)
        fclose(file);
    if (!is_found && !find_topmost(state->path, sizeof(state->path)))
        snprintf(state->path, sizeof(state->path), "/proc/vmstat");
    state->count = out_of_memory_read(state->path);
}

/* What is new stays unclaimed for a while. */
void out_of_memory_look(struct out_of_memory *state)
{
    int64_t count = out_of_memory_read(state->path), before = state->count;
    int64_t now_ms = clock_mono_ms();
    bool has_risen = count > before && before >= 0;
    state->count = count;
    if (!has_risen && now_ms - state->unclaimed_ms <= CLAIM_MS)
        return;
    state->unclaimed = has_risen ? count - before : 0;
    state->unclaimed_ms = now_ms;
}

bool out_of_memory_explains(struct out_of_memory *state)
{
    out_of_memory_look(state);
    if (!state->unclaimed)
        return false;
    state->unclaimed--;
    return true;
}
