/* The entry stubs of the probe's vectors; lib/irq.S says why they return without
 * IRET. That of #GP passes over a WRMSR, and counts it. */
#define EFLAGS_IF 0x200

        .macro  stub name, handler
        .section .text.\name, "ax"
        .globl  \name
\name:
        pushal
        cld
        call    \handler
        popal
        andl    $~EFLAGS_IF, 8(%esp)    /* now EIP, CS, EFLAGS */
        pushl   8(%esp)
        popfl
        sti
        lret    $4
        .endm

        stub    high_entry, on_high
        stub    low_entry, on_low
        stub    vector_entry, on_vector
        stub    external_entry, on_external
        stub    level_entry, on_level

#define WRMSR_BYTES 2

        .section .text.protection_entry, "ax"
        .globl  protection_entry
protection_entry:
        addl    $4, %esp                /* the error code */
        addl    $WRMSR_BYTES, (%esp)
        incl    refusals
        lret    $4

        .section .bss.refusals, "aw", @nobits
        .balign 4
        .globl  refusals
refusals:
        .skip   4

        .section .note.GNU-stack, "", @progbits
