/* coroutine_x86_64.S - the stack switch for x86-64 (System V).
 *
 * What a callee must keep is pushed on the old stack, and popped from the new one:
 *
 *   sp -> [ mxcsr, x87 control word ][ r15 ][ r14 ][ r13 ][ r12 ][ rbx ][ rbp ][ return address ]
 *
 * Both stacks look alike where the stack pointer changes, so one set of CFI holds before and
 * after. coroutine_prime in coroutine.c lays out the first such frame of a new stack. */

	.text

/* void coroutine_switch(void **out_sp, void *sp) */
	.globl	coroutine_switch
	.hidden	coroutine_switch
	.type	coroutine_switch, @function
	.p2align 4
coroutine_switch:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)

	movq	%rsp, (%rdi)
	movq	%rsi, %rsp

	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	/* Not `ret`: the CPU would predict the caller on the old stack, wrong each time. */
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmp	*%rcx
	.cfi_endproc
	.size	coroutine_switch, .-coroutine_switch

/* Where the first switch to a new stack returns to: coroutine_main(rbx), which never returns.
 * An undefined return address ends every backtrace and every unwinding here. Unwinders look up
 * the address before the one that is returned to: the nop makes that one belong here, too. */
	.globl	coroutine_start
	.hidden	coroutine_start
	.type	coroutine_start, @function
	.p2align 4
	.cfi_startproc
	.cfi_undefined %rip
	nop
coroutine_start:
	movq	%rbx, %rdi
	call	coroutine_main
	ud2
	.cfi_endproc
	.size	coroutine_start, .-coroutine_start

	.section .note.GNU-stack, "", @progbits
