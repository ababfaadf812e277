/* crash_record.h - what a dying worker leaves behind, as it lies in its slot of the board.
 *
 * Written by the worker from within a signal handler (process/crash_handler.h), piece by piece and
 * each piece whole before it is counted; read by the master once the process is gone. Whatever is
 * here may have been written by a process that was out of its mind: readers trust no count, no
 * index and no text. Addresses are kept as places in files, since nobody can ask a dead process
 * what lay where. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum {
    CRASH_FRAMES = 64,
    CRASH_INNER = 40, /* of these, the innermost; the others are the outermost */
    CRASH_MODULES = 24,
    CRASH_PATH = 256,
    CRASH_TEXT = 256,
    CRASH_NO_MODULE = UINT16_MAX,
};

enum crash_stage {
    CRASH_NONE,
    CRASH_WRITING, /* the facts are there, the frames are on their way */
    CRASH_WRITTEN,
};

enum crash_cause {
    CRASH_SIGNAL,
    CRASH_EXIT,      /* somebody called exit() */
    CRASH_SANITIZER, /* AddressSanitizer or one of its kin ended the process */
};

enum crash_access { CRASH_ACCESS_UNKNOWN, CRASH_READ, CRASH_WRITE, CRASH_EXECUTE };

struct crash_frame {
    uint64_t address; /* of the instruction, or of where its callee returns to */
    uint64_t offset;  /* the same in the module's file */
    uint16_t module;  /* CRASH_NO_MODULE: in no file */
    uint8_t is_exact; /* the instruction itself; others are looked up one byte before */
};

struct crash_module {
    char path[CRASH_PATH];
    uint64_t head; /* crash_head_hash of it as loaded; 0: unknown */
};

struct crash_record {
    _Atomic uint32_t stage; /* enum crash_stage */
    uint32_t cause, access;
    int32_t signal, code, status; /* status: what exit was called with */
    int32_t sender;               /* the process that sent the signal; 0: none */
    int32_t tid;
    uint64_t address;                            /* of the fault */
    uint8_t has_address;                         /* these are 0 or not */
    uint8_t is_task_overflow, is_stack_overflow; /* of a task's stack; of another one */
    uint8_t is_broken;     /* making the record faulted: the rest of the stack is unknown */
    uint8_t has_no_memory; /* gale itself found none, and gave up; set before there is a record */
    char thread[16];
    char app[48]; /* what the thread was at; "": unknown */
    char request[160], request_id[24];
    char message[CRASH_TEXT];   /* last words: assertions, heap corruption, no memory */
    char exception[CRASH_TEXT]; /* the type of the C++ exception that nobody caught, mangled */
    _Atomic uint32_t module_count;
    /* May be more than are kept: from CRASH_INNER on frames are a ring, where frame n stands at
     * CRASH_INNER + (n - CRASH_INNER) % (CRASH_FRAMES - CRASH_INNER). */
    _Atomic uint32_t frame_total;
    struct crash_frame frames[CRASH_FRAMES]; /* innermost first */
    struct crash_module modules[CRASH_MODULES];
};

/* Where a process finds its last words; set when code is loaded that has them. */
struct crash_sources {
    const char *const *abort_message; /* NULL: none. The text follows an unsigned int */
    const void *(*exception_type)(void);
    const char *own_message; /* gale's own last words; NULL: none */
};
extern struct crash_sources crash_sources;

enum { CRASH_HEAD = 4096 };
/* Tells whether a file is still the one that was loaded: over its first CRASH_HEAD bytes, where the
 * headers and mostly the build's id lie. Never 0. Safe in a signal handler. */
uint64_t crash_head_hash(const unsigned char *head);
