/* crash.h - one worker's death, as people are told of it.
 *
 * The master makes one of what it knows of the process and of the record that the process left;
 * `gale symbols` adds functions and source lines. Then it is printed: a line that says it all, and
 * a block that says more. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/crash_record.h"

struct buffer;
struct json;

/* Why the master ended a process; CRASH_BY_ITSELF: it did not. */
enum crash_by {
    CRASH_BY_ITSELF,
    CRASH_BY_WATCHDOG,   /* its loop did not turn */
    CRASH_BY_START_TIME, /* it did not open its apps in time */
    CRASH_BY_END_TIME,   /* it did not end in time */
};

/* What the master knows. */
struct crash_facts {
    uint64_t generation;
    unsigned place;
    pid_t pid;
    int64_t served_ms; /* -1: it never did */
    enum crash_by by;
    bool is_stopped;       /* it was, by SIGSTOP */
    int64_t silent_ms;     /* of the watchdog's */
    bool is_out_of_memory; /* the kernel's OOM killer did it */
    int64_t memory;        /* bytes that it held when it was last looked at; 0: unknown */
    char group[48];        /* "": the front's */
    char app[48], request[160], request_id[24]; /* what the board said it was at */
    char how[160];                              /* "was killed by SIGSEGV" */
    int signal;                                 /* that ended it; 0: it exited */
};

/* A function of the stack; an inlined one has its frame's number, too. */
struct crash_line {
    unsigned frame;
    char *function, *file; /* owned; NULL: unknown */
    uint64_t offset;       /* in the function, without one in the file; 0: unknown */
    unsigned line;
};

struct crash {
    struct crash_facts facts;
    struct crash_record record;     /* made safe: texts end, places are in range, frames in order */
    uint32_t frame_count;           /* those that were kept */
    char *originals[CRASH_MODULES]; /* what the modules are copies of; owned; NULL: of nothing */
    struct crash_line *lines;       /* owned */
    size_t line_count;
    char *exception;  /* its type, readable; owned; NULL: none */
    int64_t died_ms;  /* wall clock, for people */
    int64_t since_ms; /* monotonic */
};

/* Returns owned. */
struct crash *crash_create(const struct crash_facts *facts, const struct crash_record *record);
void crash_free(struct crash *crash); /* takes NULL */
/* People know the file by that name. */
void crash_name_module(struct crash *crash, unsigned module, const char *original);
/* Puts it down to the app, where nobody knew. */
void crash_set_app(struct crash *crash, const char *app);
/* Takes in what `gale symbols` wrote, whatever it is. */
void crash_add_symbols(struct crash *crash, const char *text, size_t len);

/* The app it is put down to, "" if nobody knows. */
const char *crash_app(const struct crash *crash);
/* The innermost function that is neither gale's nor a system library's, else the innermost of all;
 * NULL: nothing is known. */
const struct crash_line *crash_culprit(const struct crash *crash);
/* How far from the innermost one a kept frame is. */
uint32_t crash_depth(const struct crash *crash, unsigned frame);
/* The file that this function lies in, by its original name; "" if unknown. */
const char *crash_file(const struct crash *crash, const struct crash_line *line);
/* Whether that is neither gale nor a system library. */
bool crash_is_foreign(const struct crash *crash, const struct crash_line *line);
/* How many lines say something of the crash: below them is gale's way to what it called. */
size_t crash_end(const struct crash *crash);
/* Whether it was for lack of something that its request would lack again: time, or memory. */
bool crash_is_exhaustion(const struct crash *crash);
/* "SIGSEGV", "exit(3)": in a word. */
const char *crash_name(const struct crash *crash, char *out, size_t size);

/* ---- crash_text.c ---- */

/* What happened, in a sentence without an end: "SIGSEGV: it read address 0x0, a NULL pointer". */
void crash_print_what(const struct crash *crash, struct buffer *out);
/* "shop.c:12", "serve+0x1c (shop.so)"; nothing where nothing is known. */
void crash_print_place(const struct crash *crash, struct buffer *out);
/* The report, in lines. */
void crash_print(const struct crash *crash, struct buffer *out);
/* Logs a line that can be found, and the report behind it. */
void crash_log(const struct crash *crash);
/* Members of an object: all that is known of it but its app and when it was. */
void crash_write(const struct crash *crash, struct json *json);
