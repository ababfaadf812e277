/* release.c - what was loaded, and counting crashes. */
#include "process/release.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

struct release *release_create(uint64_t number, int text_fd, const struct digest *digest)
{
    struct release *release = memory_zalloc(sizeof(*release));
    release->number = number;
    release->text_fd = text_fd;
    (void)digest_print(digest, release->digest);
    return release;
}

struct release *release_resume(const struct release *as)
{
    struct release *release = memory_alloc(sizeof(*release));
    *release = *as;
    release->codes = NULL;
    release->code_count = 0;
    return release;
}

void release_free(struct release *release)
{
    if (!release)
        return;
    if (release->text_fd >= 0)
        close(release->text_fd);
    for (size_t i = 0; i < release->code_count; i++)
        free(release->codes[i].app);
    free(release->codes);
    free(release);
}

/* ---- what its apps load ---- */

void release_add_code(struct release *release, const char *app, const struct copied *copied)
{
    size_t count = release->code_count++;
    release->codes = memory_realloc(release->codes, (count + 1) * sizeof(*release->codes));
    release->codes[count] = (struct release_code){memory_copy(app, strlen(app)), copied};
}

const struct copied *release_find_code(const struct release *release, const char *app)
{
    for (size_t i = 0; i < release->code_count; i++)
        if (strcmp(release->codes[i].app, app) == 0)
            return release->codes[i].copied;
    return NULL;
}

bool release_uses(const struct release *release, const struct copied *copied)
{
    for (size_t i = 0; release && i < release->code_count; i++)
        if (release->codes[i].copied == copied)
            return true;
    return false;
}

/* ---- how its workers fared ---- */

void release_count_crash(struct release *release, int64_t now_ms)
{
    release->crashed_ms[release->crashes++ % RELEASE_CRASHES] = now_ms;
}

void release_continue(struct release *release, const struct release *earlier)
{
    release->live_ms = earlier->live_ms;
    release->source = earlier->source;
    release->crashes = earlier->crashes;
    memcpy(release->crashed_ms, earlier->crashed_ms, sizeof(release->crashed_ms));
    release->is_given_up = earlier->is_given_up;
}

uint64_t release_crashes(const struct release *release, int64_t now_ms, int64_t window_ms)
{
    uint64_t kept = release->crashes < RELEASE_CRASHES ? release->crashes : RELEASE_CRASHES;
    uint64_t count = 0;
    for (uint64_t i = 0; i < kept; i++)
        count += now_ms - release->crashed_ms[i] <= window_ms;
    return count;
}

bool release_is_young(const struct release *release, int64_t now_ms, int64_t window_ms)
{
    return release->live_ms && now_ms - release->live_ms <= window_ms;
}
