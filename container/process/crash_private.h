/* crash_private.h - the steps of writing a record, for crash_handler.c. All safe in a signal
 * handler, and each may fault where memory is broken: the caller survives that. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct crash_record;

/* Where the machine was at the signal. */
uint64_t crash_stack_pc(const ucontext_t *context);
uint64_t crash_stack_sp(const ucontext_t *context);
/* Adds the frames of the stack at the signal, innermost first. The context is changed for a moment
 * and then as it was, unless this faults: then crash_stack_mend does that. */
void crash_stack_write(struct crash_record *record, ucontext_t *context);
void crash_stack_mend(void);
/* Adds the frames from the caller's on that `from` returns to. */
void crash_stack_write_from(struct crash_record *record, const void *from);
/* Loads what unwinding needs. */
void crash_stack_prepare(void);

/* Says in which files the frames lie, from /proc/self/maps. */
void crash_maps_write(struct crash_record *record);
/* Then, a module each time: what tells its file from another one of that name. False after the
 * last. A file that was cut short since it was loaded faults here. */
bool crash_maps_hash(struct crash_record *record);
