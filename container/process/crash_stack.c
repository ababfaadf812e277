/* crash_stack.c - frames, by the unwinder that also carries C++ exceptions.
 *
 * Plugins come without frame pointers, so their unwind tables have to tell; libgcc's unwinder finds
 * these without a lock or memory (glibc's _dl_find_object). It starts in the handler and crosses
 * the frame that the kernel made for the signal, whose registers are those of `context`. Where no
 * table helps, frame pointers are tried. */
#include <stddef.h>
#include <unwind.h>

#include "base/crash_record.h"
#include "process/crash_private.h"

/* ---- the machine ---- */

struct registers {
    uint64_t pc, sp, fp;
};

#if defined(__x86_64__)
static struct registers get(const ucontext_t *context)
{
    const greg_t *at = context->uc_mcontext.gregs;
    return (struct registers){(uint64_t)at[REG_RIP], (uint64_t)at[REG_RSP], (uint64_t)at[REG_RBP]};
}

static void put(ucontext_t *context, const struct registers *registers)
{
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)registers->pc;
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)registers->sp;
}

/* Right after a call, before anything is pushed. */
static struct registers after_return(const ucontext_t *context, struct registers at)
{
    (void)context;
    return (struct registers){*(const uint64_t *)at.sp, at.sp + 8, at.fp};
}
#elif defined(__aarch64__)
static struct registers get(const ucontext_t *context)
{
    const mcontext_t *at = &context->uc_mcontext;
    return (struct registers){at->pc, at->sp, at->regs[29]};
}

static void put(ucontext_t *context, const struct registers *registers)
{
    context->uc_mcontext.pc = registers->pc;
    context->uc_mcontext.sp = registers->sp;
}

static struct registers after_return(const ucontext_t *context, struct registers at)
{
    return (struct registers){context->uc_mcontext.regs[30], at.sp, at.fp};
}
#endif

uint64_t crash_stack_pc(const ucontext_t *context)
{
    return get(context).pc;
}

uint64_t crash_stack_sp(const ucontext_t *context)
{
    return get(context).sp;
}

/* ---- frames ---- */

/* A recursion without end is long, and interesting at both of its ends. */
enum { FRAMES_MOST = 1000 * 1000 };

static bool add(struct crash_record *record, uint64_t address, bool is_exact)
{
    uint32_t n = record->frame_total, at = n;
    if (n >= CRASH_FRAMES)
        at = CRASH_INNER + (n - CRASH_INNER) % (CRASH_FRAMES - CRASH_INNER);
    record->frames[at] =
        (struct crash_frame){.address = address, .module = CRASH_NO_MODULE, .is_exact = is_exact};
    record->frame_total = n + 1; /* from here on it counts */
    return n < FRAMES_MOST;
}

struct walk {
    struct crash_record *record;
    uint64_t from; /* frames before the one at this address are the handler's own */
    bool is_there; /* they are over */
    bool adds_from;
};

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *data)
{
    struct walk *walk = data;
    int is_exact = 0;
    uint64_t address = _Unwind_GetIPInfo(context, &is_exact);
    bool is_first = !walk->is_there && address == walk->from;
    if (((walk->is_there && address) || (is_first && walk->adds_from)) &&
        !add(walk->record, address, is_exact))
        return _URC_END_OF_STACK;
    walk->is_there |= is_first;
    return _URC_NO_REASON;
}

/* Frame pointers grow upwards within one stack. */
static void follow_frame_pointers(struct crash_record *record, struct registers at)
{
    enum { STEP_MOST = 1 << 20 };
    const uint64_t *frame = (const uint64_t *)at.fp;
    uint64_t below = at.sp;
    while ((uint64_t)frame >= below && (uint64_t)frame - below < STEP_MOST &&
           (uint64_t)frame % sizeof(*frame) == 0) {
        if (!frame[1] || !add(record, frame[1], false))
            return;
        below = (uint64_t)frame + 1;
        frame = (const uint64_t *)frame[0];
    }
}

/* What was changed, so that it can be put back whatever happens. */
static struct {
    ucontext_t *context;
    struct registers was;
} changed;

void crash_stack_mend(void)
{
    if (changed.context)
        put(changed.context, &changed.was);
    changed.context = NULL;
}

/* There is no code at the pc: the stack begins with whoever called it. */
static struct registers step_back(struct crash_record *record, ucontext_t *context,
                                  struct registers at)
{
    struct registers caller = after_return(context, at);
    (void)add(record, caller.pc, false);
    changed.was = at;
    changed.context = context;
    put(context, &caller);
    return caller;
}

void crash_stack_write(struct crash_record *record, ucontext_t *context)
{
    struct walk walk = {.record = record};
    struct registers at = get(context);
    (void)add(record, at.pc, true);
    if (record->access == CRASH_EXECUTE)
        at = step_back(record, context, at);
    uint32_t before = record->frame_total;
    walk.from = at.pc;
    (void)_Unwind_Backtrace(on_frame, &walk);
    if (record->frame_total == before)
        follow_frame_pointers(record, at);
    crash_stack_mend();
}

void crash_stack_write_from(struct crash_record *record, const void *from)
{
    struct walk walk = {.record = record, .from = (uint64_t)from, .adds_from = true};
    (void)_Unwind_Backtrace(on_frame, &walk);
}

static _Unwind_Reason_Code on_first(struct _Unwind_Context *context, void *data)
{
    (void)context;
    (void)data;
    return _URC_END_OF_STACK;
}

void crash_stack_prepare(void)
{
    (void)_Unwind_Backtrace(on_first, NULL);
}
