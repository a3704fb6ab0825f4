/* Entering a context in long mode, and what every vector does there.
 *
 * run_long() leaves C through IRETQ; the stub of whatever vector ends the
 * fragment brings it back. A frame begins 16-aligned, so the alignment of RSP
 * tells whether the processor pushed an error code. Specification: Intel SDM
 * volume 3A, "64-bit mode exception handling". Deliberately absent: the return
 * to the fragment, which is another run of the context. */
#include "context.h"

        .section .bss
        .balign 8
        .globl  current, saved_rsp
current:        .skip 8
saved_rsp:      .skip 8

        .text
        .globl  run_long
run_long:                               /* rdi: the context */
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, saved_rsp
        movq    %rdi, current
        movl    CONTEXT_DS(%rdi), %eax
        movl    %eax, %ds
        movl    CONTEXT_ES(%rdi), %eax
        movl    %eax, %es
        /* Loading FS or GS may clear its base, so only if it changes. */
        movl    %fs, %eax
        cmpl    CONTEXT_FS(%rdi), %eax
        je      1f
        movl    CONTEXT_FS(%rdi), %eax
        movl    %eax, %fs
1:      movl    %gs, %eax
        cmpl    CONTEXT_GS(%rdi), %eax
        je      2f
        movl    CONTEXT_GS(%rdi), %eax
        movl    %eax, %gs
2:      pushq   CONTEXT_SS(%rdi)
        pushq   CONTEXT_RSP(%rdi)
        pushq   CONTEXT_RFLAGS(%rdi)
        pushq   CONTEXT_CS(%rdi)
        pushq   CONTEXT_RIP(%rdi)
        movq    CONTEXT_RAX(%rdi), %rax
        movq    CONTEXT_RCX(%rdi), %rcx
        movq    CONTEXT_RDX(%rdi), %rdx
        movq    CONTEXT_RBX(%rdi), %rbx
        movq    CONTEXT_RBP(%rdi), %rbp
        movq    CONTEXT_RSI(%rdi), %rsi
        movq    CONTEXT_R8(%rdi), %r8
        movq    CONTEXT_R8+8(%rdi), %r9
        movq    CONTEXT_R8+16(%rdi), %r10
        movq    CONTEXT_R8+24(%rdi), %r11
        movq    CONTEXT_R8+32(%rdi), %r12
        movq    CONTEXT_R8+40(%rdi), %r13
        movq    CONTEXT_R8+48(%rdi), %r14
        movq    CONTEXT_R8+56(%rdi), %r15
        movq    CONTEXT_RDI(%rdi), %rdi
        iretq

        .globl  stubs_long
        .balign 16
stubs_long:
        .set    vector, 0
        .rept   256
        .balign 16
        pushq   $vector
        jmp     trapped
        .set    vector, vector + 1
        .endr

trapped:
        pushq   %rdi
        movq    current, %rdi
        movq    %rax, CONTEXT_RAX(%rdi)
        movq    %rcx, CONTEXT_RCX(%rdi)
        movq    %rdx, CONTEXT_RDX(%rdi)
        movq    %rbx, CONTEXT_RBX(%rdi)
        movq    %rbp, CONTEXT_RBP(%rdi)
        movq    %rsi, CONTEXT_RSI(%rdi)
        movq    %r8, CONTEXT_R8(%rdi)
        movq    %r9, CONTEXT_R8+8(%rdi)
        movq    %r10, CONTEXT_R8+16(%rdi)
        movq    %r11, CONTEXT_R8+24(%rdi)
        movq    %r12, CONTEXT_R8+32(%rdi)
        movq    %r13, CONTEXT_R8+40(%rdi)
        movq    %r14, CONTEXT_R8+48(%rdi)
        movq    %r15, CONTEXT_R8+56(%rdi)
        popq    CONTEXT_RDI(%rdi)
        popq    CONTEXT_VECTOR(%rdi)
        movq    $-1, CONTEXT_ERROR(%rdi)
        testb   $8, %spl
        jnz     1f
        popq    CONTEXT_ERROR(%rdi)
1:      movq    %rsp, CONTEXT_FRAME(%rdi)
        pushfq
        popq    CONTEXT_HFLAGS(%rdi)
        pushq   $2
        popfq
        movl    %ss, %eax
        movq    %rax, CONTEXT_HSS(%rdi)
        popq    CONTEXT_RIP(%rdi)
        popq    CONTEXT_CS(%rdi)
        popq    CONTEXT_RFLAGS(%rdi)
        popq    CONTEXT_RSP(%rdi)
        popq    CONTEXT_SS(%rdi)
        movl    %ds, %eax
        movq    %rax, CONTEXT_DS(%rdi)
        movl    %es, %eax
        movq    %rax, CONTEXT_ES(%rdi)
        movl    %fs, %eax
        movq    %rax, CONTEXT_FS(%rdi)
        movl    %gs, %eax
        movq    %rax, CONTEXT_GS(%rdi)
        movq    %cr2, %rax
        movq    %rax, CONTEXT_CR2(%rdi)

        .globl  back_in_long
back_in_long:
        movl    $DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movq    saved_rsp, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret

        .section .note.GNU-stack, "", @progbits
