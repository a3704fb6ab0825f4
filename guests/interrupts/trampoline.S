/* What a started processor runs, from real mode to C in long mode.
 *
 * A copy of it lies at the page that the start-up interrupt names, where the
 * processor begins with IP 0, so addresses count from the trampoline's beginning.
 * It notes what it found there: its segment and CR0. The processor keeps the
 * index that it got at its first start, by its APIC id. Specification: Intel SDM
 * volume 3A, "Start-up IPI". Deliberately absent: ids above 254. */
#include "layout.h"

        .section .rodata.trampoline, "a"
        .balign 16
        .globl  trampoline, trampoline_starts, trampoline_segment, trampoline_cr0, trampoline_end
        .code16
trampoline:
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        movw    %ax, trampoline_segment - trampoline
        movl    %cr0, %eax
        movl    %eax, trampoline_cr0 - trampoline
        lock incl trampoline_starts - trampoline
        lgdtl   trampoline_gdtr - trampoline
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $0x20, %eax             /* PAE */
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx       /* EFER */
        rdmsr
        orl     $0x100, %eax            /* LME */
        wrmsr
        movl    $0x80010033, %eax       /* PG, WP, NE, ET, MP, PE */
        movl    %eax, %cr0
        ljmpl   $CODE64, $started

        .balign 8
trampoline_starts:  .long 0
trampoline_cr0:     .long 0
trampoline_segment: .long 0
trampoline_gdtr:    .word 23
                    .long gdt
trampoline_end:

        .section .bss
        .balign 4
        .globl  started_count
started_count:
        .skip   4
        .globl  indices
indices:
        .skip   UNNAMED_IDS * 4

        .text
        .code64
started:
        movl    $DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movl    $1, %eax
        cpuid
        shrl    $24, %ebx
        movl    indices(,%rbx,4), %edi
        testl   %edi, %edi
        jnz     1f
        movl    $1, %edi
        lock xaddl %edi, started_count
        incl    %edi
        cmpl    $MAX_CPUS, %edi
        jae     2f
        movl    %edi, indices(,%rbx,4)
1:      leal    1(%rdi), %esp
        shll    $STACK_SHIFT, %esp
        addl    $stacks, %esp
        pushq   $0                      /* a call's stack is 8 off 16 */
        jmp     processor_main
2:      hlt
        jmp     2b

        .section .note.GNU-stack, "", @progbits
