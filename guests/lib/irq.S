/* The entry stubs of the 16 interrupt request lines.
 *
 * They return without IRET, which KVM's instruction emulator, and so a host
 * that has no VMX or SVM, refuses in protected mode: POPF restores the flags
 * but IF, and the far return follows an STI, whose shadow keeps the next
 * interrupt out until the stack is as it was. Specification: Intel SDM volume
 * 2, STI and RET. Deliberately absent: a change of privilege, which needs
 * IRET. */
#define EFLAGS_IF 0x200

        .macro  stub irq
        .section .text.irq, "ax"
stub_\irq:
        pushl   $\irq
        jmp     dispatch
        .section .rodata.irq, "a"
        .long   stub_\irq
        .endm

        .section .rodata.irq, "a"
        .balign 4
        .globl  irq_stubs
irq_stubs:
        .irp    irq, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        stub    \irq
        .endr

        .section .text.irq, "ax"
dispatch:
        pushal
        cld
        pushl   32(%esp)                /* the line, above PUSHA's registers */
        call    irq_dispatch
        addl    $4, %esp
        popal
        addl    $4, %esp
        andl    $~EFLAGS_IF, 8(%esp)    /* now EIP, CS, EFLAGS */
        pushl   8(%esp)
        popfl
        sti
        lret    $4

        .section .note.GNU-stack, "", @progbits
