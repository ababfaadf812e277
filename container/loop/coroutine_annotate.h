/* coroutine_annotate.h - tells ASan and valgrind which stack is in use; for coroutine.c only.
 *
 * Both guess the bounds of the running stack, and take a switch for corruption. ASan's functions
 * are weak: they are there in a build for ASan, or when its library is preloaded. Valgrind's
 * requests are a few instructions that do nothing outside of it; without Debian's valgrind package
 * at build time they are left out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

struct annotation {
    const void *bottom, *caller_bottom;
    size_t size, caller_size;
    void *fake_stack;        /* ASan's, of the coroutine while it does not run ... */
    void *caller_fake_stack; /* ... and of its resumer while it does */
    unsigned valgrind_id;
};

__attribute__((weak)) void __sanitizer_start_switch_fiber(void **out_fake_stack, const void *bottom,
                                                          size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void *fake_stack,
                                                           const void **out_old_bottom,
                                                           size_t *out_old_size);

static inline void annotate_map(struct annotation *annotation, void *bottom, size_t size)
{
    *annotation = (struct annotation){.bottom = bottom, .size = size};
#ifdef VALGRIND_STACK_REGISTER
    annotation->valgrind_id = VALGRIND_STACK_REGISTER(bottom, (char *)bottom + size - 1);
#endif
}

static inline void annotate_unmap(struct annotation *annotation)
{
    (void)annotation;
#ifdef VALGRIND_STACK_DEREGISTER
    VALGRIND_STACK_DEREGISTER(annotation->valgrind_id);
#endif
}

/* The resumer, before and after its switch. */
static inline void annotate_enter(struct annotation *annotation)
{
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(&annotation->caller_fake_stack, annotation->bottom,
                                       annotation->size);
}

static inline void annotate_returned(struct annotation *annotation)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(annotation->caller_fake_stack, NULL, NULL);
}

/* The coroutine, before and after its own. One that ends has its fake stack freed. */
static inline void annotate_leave(struct annotation *annotation, bool ends)
{
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(ends ? NULL : &annotation->fake_stack,
                                       annotation->caller_bottom, annotation->caller_size);
    if (ends)
        annotation->fake_stack = NULL;
}

static inline void annotate_resumed(struct annotation *annotation)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(annotation->fake_stack, &annotation->caller_bottom,
                                        &annotation->caller_size);
}
