/* The entry stubs of the probe's two vectors; lib/irq.S says why they return
 * without IRET. */
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

        .section .note.GNU-stack, "", @progbits
