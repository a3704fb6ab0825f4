/* A stay in 64-bit mode, for NMIs: their handler ends with an IRETQ, which the hypervisor
 * executes by itself, where it may leave the IRET of 32 bits to its monitor.
 *
 * long_stay writes a command to the APIC's ICR, loops for a while and comes back. The
 * first NMI's handler sends two more and is short: a hypervisor that looks for events only
 * now and then is past its IRETQ by then. Four gigabytes are mapped as they are. long_gate
 * sets the one gate. Specification: Intel SDM volume 3A, "Initializing IA-32e Mode" and
 * "Handling Multiple NMIs". Deliberately absent: every other gate, so an exception ends the
 * machine. */
#include "long.h"

#define CODE64 0x08
#define CODE32 0x10
#define DATA 0x18
#define ICR 0xfee00300
#define TURNS 3000              /* some thousands: a hypervisor may run one before it looks for events */
#define FEW_TURNS 50

        .section .text.long, "ax"
        .code32
        .globl  long_stay
long_stay:
        pushal
        pushfl
        cli
        sgdt    old_gdt
        sidt    old_idt
        movw    %cs, old_code
        movw    %ds, old_data
        movl    %cr4, %eax
        movl    %eax, old_cr4
        orl     $0x20, %eax             /* PAE */
        movl    %eax, %cr4
        movl    $level4, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax            /* LME */
        wrmsr
        movl    40(%esp), %esi          /* the command */
        lgdt    new_gdt
        lidt    new_idt
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        ljmp    $CODE64, $1f

        .code64
1:      movl    $DATA, %eax
        movl    %eax, %ss
        movl    %esp, %esp
        movl    $ICR, %edx
        movl    %esi, (%rdx)
        movl    $TURNS, %ecx
2:      nop
        decl    %ecx
        jnz     2b
        ljmp    *back(%rip)

        .code32
3:      movl    %cr0, %eax
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        movl    $0xc0000080, %ecx
        rdmsr
        andl    $~0x100, %eax
        wrmsr
        movl    old_cr4, %eax
        movl    %eax, %cr4
        lgdt    old_gdt
        lidt    old_idt
        movw    old_data, %ax
        movw    %ax, %ss
        movw    %ax, %ds
        movw    %ax, %es
        pushl   old_code
        pushl   $4f
        lret
4:      popfl
        popal
        ret

        .code64
nmi64:
        pushq   %rax
        pushq   %rcx
        incl    long_nmis(%rip)
        cmpl    $1, long_nmis(%rip)
        jne     2f
        movl    $ICR, %eax
        movl    $NMI_TO, (%rax)
        movl    $NMI_TO, (%rax)
        movl    $FEW_TURNS, %ecx
1:      nop
        decl    %ecx
        jnz     1b
        movl    long_nmis(%rip), %ecx
        movl    %ecx, long_nmis_within(%rip)
2:      popq    %rcx
        popq    %rax
        iretq

        .code32
        .globl  long_gate
long_gate:
        movl    $nmi64, %eax
        movl    $idt64 + 16 * NMI, %edx
        movl    %eax, %ecx
        andl    $0xffff, %eax
        orl     $CODE64 << 16, %eax
        movl    %eax, (%edx)
        andl    $0xffff0000, %ecx
        orl     $0x8e00, %ecx
        movl    %ecx, 4(%edx)
        ret

        .section .data.long, "aw"
        .balign 8
gdt64:  .quad   0, 0x00af9b000000ffff, 0x00cf9b000000ffff, 0x00cf93000000ffff
new_gdt: .word  . - gdt64 - 1
        .long   gdt64
        .balign 4
new_idt: .word  16 * (NMI + 1) - 1
        .long   idt64
        .balign 4
back:   .long   3b
        .word   CODE32
        .balign 4
old_code: .long 0
old_data: .long 0
old_cr4: .long  0
old_gdt: .skip  6
        .balign 4
old_idt: .skip  6

        .section .bss.long, "aw", @nobits
        .balign 4096
        .globl  level4, level3, level2, long_nmis, long_nmis_within
level4: .skip   4096
level3: .skip   4096
level2: .skip   4 * 4096
idt64:  .skip   16 * (NMI + 1)
long_nmis: .skip 4
long_nmis_within: .skip 4

        .section .note.GNU-stack, "", @progbits
