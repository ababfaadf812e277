/* test_out_of_memory.c - reading what the kernel counts, and whose kill it was. */
#include "process/out_of_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"

static char path[] = "/tmp/gale-oom.XXXXXX";

static void put(const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void begin(const char *text)
{
    close(mkstemp(path));
    put(text);
}

START_TEST(reads_the_count)
{
    begin("low 0\nhigh 0\nmax 12\noom 3\noom_kill 7\noom_group_kill 9\n");
    ck_assert_int_eq(out_of_memory_read(path), 7);
    put("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    ck_assert_int_eq(out_of_memory_read(path), 2);
    put("nothing\n");
    ck_assert_int_eq(out_of_memory_read(path), -1);
    unlink(path);
    ck_assert_int_eq(out_of_memory_read(path), -1);
}
END_TEST

START_TEST(explains_as_many_ends_as_there_were_kills)
{
    struct out_of_memory state = {0};
    begin("oom_kill 5\n");
    snprintf(state.path, sizeof(state.path), "%s", path);
    state.count = 5;
    ck_assert(!out_of_memory_explains(&state));
    put("oom_kill 7\n");
    out_of_memory_look(&state); /* a look between the kill and its discovery takes nothing away */
    ck_assert(out_of_memory_explains(&state));
    ck_assert(out_of_memory_explains(&state));
    ck_assert(!out_of_memory_explains(&state));
    unlink(path);
    ck_assert(!out_of_memory_explains(&state));
}
END_TEST

START_TEST(finds_a_counter)
{
    struct out_of_memory state;
    out_of_memory_init(&state);
    ck_assert(state.path[0] == '/');
    ck_assert_int_eq(state.count, out_of_memory_read(state.path));
}
END_TEST

UNIT_MAIN(reads_the_count, explains_as_many_ends_as_there_were_kills, finds_a_counter)
