/* From the 32-bit PVH entry to C in long mode, ring 0, paged by 4 KiB.
 *
 * The first 16 MiB are identity-mapped page by page, because a benchmark of
 * address translation must not live in a few large pages. Specification: Xen
 * docs/misc/pvh; Intel SDM volume 3A, "Initializing IA-32e mode". Deliberately
 * absent: an interrupt table; an exception here is a fault of the machine's, and
 * ends as a triple fault. */

#define TABLES 8                        /* page tables of 2 MiB each */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   pvh_entry

        .section .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
pd:     .skip   4096
pt:     .skip   4096 * TABLES
        .skip   16384
stack_top:

        .section .data
        .balign 8
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* 0x08: 64-bit code */
        .quad   0x00cf93000000ffff      /* 0x10: data */
gdtr:   .word   gdtr - gdt - 1
        .quad   gdt

        .text
        .code32
        .globl  pvh_entry
pvh_entry:
        cli
        cld
        movl    $stack_top, %esp
        movl    $pdpt + 3, pml4
        movl    $pd + 3, pdpt
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $12, %eax
        leal    pt + 3(%eax), %edx      /* the tables lie one page apart, too */
        orl     $3, %eax
        movl    %eax, pt(,%ecx,8)
        cmpl    $TABLES, %ecx
        jae     2f
        movl    %edx, pd(,%ecx,8)
2:      incl    %ecx
        cmpl    $512 * TABLES, %ecx
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
        ljmp    $8, $long_mode

        .code64
long_mode:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %ebx, %edi              /* start info */
        call    guest_main
        movl    %eax, %edi
        call    leave

        .section .note.GNU-stack, "", @progbits
