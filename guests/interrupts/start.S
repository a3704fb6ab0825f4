/* From the 32-bit PVH entry to C in long mode.
 *
 * The first 4 GiB are identity-mapped by 2 MiB pages, the last GiB of them, where
 * the device registers are, uncached. Start info stays in EBX until C takes it.
 * Each processor's stack begins at a multiple of its size, which is how a
 * processor knows itself. Specification: Xen docs/misc/pvh; Intel SDM volume 3A,
 * "Initializing IA-32e mode". Deliberately absent: protection. */
#include "layout.h"

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   pvh_entry

        .section .bss
        .balign 4096
        .globl  pml4
pml4:   .skip   4096
pdpt:   .skip   4096
directories:
        .skip   4 * 4096
        .balign STACK_SIZE
        .globl  stacks
stacks: .skip   MAX_CPUS * STACK_SIZE

        .section .rodata
        .balign 8
        .globl  gdt
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* 64-bit code */
        .quad   0x00cf93000000ffff      /* data */
        .globl  gdtr
gdtr:   .word   . - gdt - 1
        .quad   gdt

        .text
        .code32
        .globl  pvh_entry
pvh_entry:
        cli
        cld
        movl    $stacks + STACK_SIZE, %esp
        movl    $pdpt + 3, pml4
        movl    $directories + 0x0003, pdpt
        movl    $directories + 0x1003, pdpt + 8
        movl    $directories + 0x2003, pdpt + 16
        movl    $directories + 0x3003, pdpt + 24
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $21, %eax
        orl     $0xe3, %eax             /* large, dirty, accessed, writable */
        cmpl    $3 * 512, %ecx
        jb      2f
        orl     $0x10, %eax             /* not cached */
2:      movl    %eax, directories(,%ecx,8)
        incl    %ecx
        cmpl    $4 * 512, %ecx
        jb      1b

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
        lgdt    gdtr
        ljmp    $CODE64, $1f
        .code64
1:      movl    $DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movl    %ebx, %edi
        call    guest_main
        movl    %eax, %edi
        call    leave

        .section .note.GNU-stack, "", @progbits
