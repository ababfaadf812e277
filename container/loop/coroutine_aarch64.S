/* coroutine_aarch64.S - the stack switch for aarch64 (AAPCS64).
 *
 * What a callee must keep is stored on the old stack, and loaded from the new one:
 *
 *   sp -> [ x29 x30 ][ x19 ... x28 ][ d8 ... d15 ][ fpcr, 0 ]      176 bytes
 *
 * Both stacks look alike where the stack pointer changes, so one set of CFI holds before and
 * after. coroutine_prime in coroutine.c lays out the first such frame of a new stack. */

	.text

/* void coroutine_switch(void **out_sp, void *sp) */
	.globl	coroutine_switch
	.hidden	coroutine_switch
	.type	coroutine_switch, %function
	.p2align 4
coroutine_switch:
	.cfi_startproc
	stp	x29, x30, [sp, #-176]!
	.cfi_adjust_cfa_offset 176
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	stp	x19, x20, [sp, #16]
	.cfi_rel_offset x19, 16
	.cfi_rel_offset x20, 24
	stp	x21, x22, [sp, #32]
	.cfi_rel_offset x21, 32
	.cfi_rel_offset x22, 40
	stp	x23, x24, [sp, #48]
	.cfi_rel_offset x23, 48
	.cfi_rel_offset x24, 56
	stp	x25, x26, [sp, #64]
	.cfi_rel_offset x25, 64
	.cfi_rel_offset x26, 72
	stp	x27, x28, [sp, #80]
	.cfi_rel_offset x27, 80
	.cfi_rel_offset x28, 88
	stp	d8, d9, [sp, #96]
	.cfi_rel_offset d8, 96
	.cfi_rel_offset d9, 104
	stp	d10, d11, [sp, #112]
	.cfi_rel_offset d10, 112
	.cfi_rel_offset d11, 120
	stp	d12, d13, [sp, #128]
	.cfi_rel_offset d12, 128
	.cfi_rel_offset d13, 136
	stp	d14, d15, [sp, #144]
	.cfi_rel_offset d14, 144
	.cfi_rel_offset d15, 152
	mrs	x2, fpcr
	str	x2, [sp, #160]

	mov	x3, sp
	str	x3, [x0]
	mov	sp, x1

	/* Writing fpcr is slow and it seldom differs. */
	ldr	x3, [sp, #160]
	cmp	x2, x3
	b.eq	1f
	msr	fpcr, x3
1:
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #176
	.cfi_adjust_cfa_offset -176
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore d8
	.cfi_restore d9
	.cfi_restore d10
	.cfi_restore d11
	.cfi_restore d12
	.cfi_restore d13
	.cfi_restore d14
	.cfi_restore d15
	ret
	.cfi_endproc
	.size	coroutine_switch, .-coroutine_switch

/* Where the first switch to a new stack returns to: coroutine_main(x19), which never returns.
 * An undefined return address ends every backtrace and every unwinding here. Unwinders look up
 * the address before the one that is returned to: the nop makes that one belong here, too. */
	.globl	coroutine_start
	.hidden	coroutine_start
	.type	coroutine_start, %function
	.p2align 4
	.cfi_startproc
	.cfi_undefined x30
	nop
coroutine_start:
	mov	x0, x19
	bl	coroutine_main
	brk	#1
	.cfi_endproc
	.size	coroutine_start, .-coroutine_start

	.section .note.GNU-stack, "", %progbits
