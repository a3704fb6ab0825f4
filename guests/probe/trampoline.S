/* What the second processor runs: it counts its start and goes to C, in flat protected
 * mode.
 *
 * A copy of it lies at the page that the start-up interrupt names, where the processor
 * begins in real mode with IP 0, so addresses count from the trampoline's beginning.
 * Specification: Intel SDM volume 3A, "Start-up IPI", "Switching to Protected Mode".
 * Deliberately absent: a table for interrupts, which it takes none of; paging. */
#define CODE 0x08
#define DATA 0x10
#define CR0_PE_ET 0x11

        .section .rodata.trampoline, "a"
        .balign 16
        .globl  trampoline, trampoline_counter, trampoline_end
        .code16
trampoline:
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        lock incl trampoline_counter - trampoline
        lgdtl   trampoline_gdtr - trampoline
        movl    $CR0_PE_ET, %eax
        movl    %eax, %cr0
        ljmpl   $CODE, $second_entry

        .balign 8
trampoline_counter:
        .long   0
trampoline_gdtr:
        .word   trampoline_gdt_end - trampoline_gdt - 1
        .long   trampoline_gdt
trampoline_end:

        .balign 8
trampoline_gdt: .quad 0
        .quad   0x00cf9b000000ffff      /* flat, already accessed: */
        .quad   0x00cf93000000ffff      /* the table may be read-only */
trampoline_gdt_end:

        .section .text.second_entry, "ax"
        .code32
second_entry:
        movl    $DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movl    $second_stack_top, %esp
        cld
        call    second_main

        .section .bss.second_stack, "aw", @nobits
        .balign 16
        .space  1024
second_stack_top:

        .section .note.GNU-stack, "", @progbits
