/* The entries of all 256 vectors, which lead to on_vector() and back by IRET.
 *
 * A frame begins 16-aligned, so the alignment of RSP tells whether the processor
 * pushed an error code: an interrupt may have the vector of an exception that
 * has one. Specification: Intel SDM volume 3A, "64-bit mode exception handling".
 * Deliberately absent: other stacks; the code has no red zone. */
        .text
        .globl  stubs
        .balign 16
stubs:
        .set    vector, 0
        .rept   256
        .balign 16
        pushq   $vector
        jmp     entered
        .set    vector, vector + 1
        .endr

entered:
        testb   $8, %spl
        jnz     1f
        pushq   (%rsp)
        movq    $0, 8(%rsp)             /* no error code */
1:      pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        movq    %rsp, %rdi
        cld
        call    on_vector
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        addq    $16, %rsp
        iretq

        .section .note.GNU-stack, "", @progbits
