/* What a started processor runs: it counts itself and halts.
 *
 * A copy of it lies at the page that the start-up interrupt named; the
 * processor begins there in real mode with IP 0, so addresses count from the
 * trampoline's beginning. Specification: Intel SDM volume 3A, "Start-up IPI".
 * Deliberately absent: protected mode, a stack. */
        .section .rodata.trampoline, "a"
        .balign 4
        .globl  trampoline, trampoline_counter, trampoline_end
        .code16
trampoline:
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        lock incl trampoline_counter - trampoline
rest:
        hlt
        jmp     rest

        .balign 4
trampoline_counter:
        .long   0
trampoline_end:

        .section .note.GNU-stack, "", @progbits
