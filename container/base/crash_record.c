/* crash_record.c - FNV-1a, and the sources of last words. */
#include "base/crash_record.h"

struct crash_sources crash_sources;

uint64_t crash_head_hash(const unsigned char *head)
{
    uint64_t hash = 0xCBF29CE484222325;
    for (int i = 0; i < CRASH_HEAD; i++)
        hash = (hash ^ head[i]) * 0x100000001B3;
    return hash ? hash : 1;
}
