/* The PVH entry point: a note that names it, the state found there, C.
 *
 * The loader finds the note "Xen", type 18, and jumps to the 32-bit physical
 * address in it with a flat CS, DS and ES, paging and interrupts off, and the
 * start info in EBX. PVH promises neither a stack nor a GDT, so both come from
 * here; DS, ES, FS, GS and TR stay as the loader set them.
 * Specification: Xen docs/misc/pvh. Deliberately absent: zeroing .bss, which
 * loading the ELF file does. */
#include "entry.h"

#define NT_PHYS32_ENTRY 18

        .section .note.pvh, "a", @note
        .balign 4
        .long   4                       /* length of the owner's name */
        .long   4                       /* length of the descriptor */
        .long   NT_PHYS32_ENTRY
        .asciz  "Xen"
        .long   entry

        .section .text.entry, "ax"
        .globl  entry
entry:
        /* None of these instructions changes a flag or a register that is
         * still to be saved; only DS is relied on. */
        movl    %eax, entry_state + ENTRY_EAX
        movl    %ebx, entry_state + ENTRY_EBX
        movl    %ecx, entry_state + ENTRY_ECX
        movl    %edx, entry_state + ENTRY_EDX
        movl    %esi, entry_state + ENTRY_ESI
        movl    %edi, entry_state + ENTRY_EDI
        movl    %ebp, entry_state + ENTRY_EBP
        movl    %esp, entry_state + ENTRY_ESP
        movw    %cs, entry_state + ENTRY_CS
        movw    %ds, entry_state + ENTRY_DS
        movw    %es, entry_state + ENTRY_ES
        movw    %ss, entry_state + ENTRY_SS
        movw    %fs, entry_state + ENTRY_FS
        movw    %gs, entry_state + ENTRY_GS
        str     entry_state + ENTRY_TR
        sgdt    entry_state + ENTRY_GDTR
        sidt    entry_state + ENTRY_IDTR
        movl    %cr0, %eax
        movl    %eax, entry_state + ENTRY_CR0
        movl    %cr3, %eax
        movl    %eax, entry_state + ENTRY_CR3
        movl    %cr4, %eax
        movl    %eax, entry_state + ENTRY_CR4

        lgdt    own_gdt
        movl    $(data_segment - gdt), %eax
        movw    %ax, %ss
        movl    $stack_top, %esp
        pushfl
        popl    entry_state + ENTRY_EFLAGS
        ljmp    $(code_segment - gdt), $own_code
own_code:
        cld
        pushl   $0                      /* keeps the call's stack 16-aligned */
        pushl   $0
        pushl   $0
        pushl   %ebx
        call    guest_main
        pushl   %eax
        call    leave

        .section .rodata.gdt, "a"
        .balign 8
gdt:            .quad 0
code_segment:   .quad 0x00cf9b000000ffff        /* flat, already accessed: */
data_segment:   .quad 0x00cf93000000ffff        /* the table may be read-only */
gdt_end:
        .globl  own_gdt
own_gdt:        .word gdt_end - gdt - 1
                .long gdt

        /* In .data, so that it is no part of the .bss that guests check. */
        .section .data.entry, "aw"
        .balign 4
        .globl  entry_state
entry_state:    .space ENTRY_SIZE

        .section .bss.stack, "aw", @nobits
        .balign 16
        .space  16384
stack_top:

        .section .note.GNU-stack, "", @progbits
