/* From the 32-bit PVH entry to C in long mode.
 *
 * The first 4 GiB are identity-mapped for the supervisor by 2 MiB pages, but for
 * the second GiB, which is the first one once more, for the user, and the third,
 * which is left to tests. Start info stays in EBX until C takes it. Specification:
 * Xen docs/misc/pvh; Intel SDM volume 3A, "Initializing IA-32e mode".
 * Deliberately absent: a check of what the loader promises (see boot-state). */
#include "context.h"

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   pvh_entry

        .section .bss
        .balign 4096
        .globl  pml4, pdpt, window_pd
pml4:   .skip   4096
pdpt:   .skip   4096
window_pd:
        .skip   4096
identity_pd:
        .skip   4096
user_pd:
        .skip   4096
device_pd:
        .skip   4096
        .skip   16384
stack_top:

        .text
        .code32
        .globl  pvh_entry
pvh_entry:
        cli
        cld
        movl    $stack_top, %esp
        movl    $pdpt + 7, pml4
        movl    $identity_pd + 3, pdpt
        movl    $user_pd + 7, pdpt + 8
        movl    $window_pd + 7, pdpt + 16
        movl    $device_pd + 3, pdpt + 24
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $21, %eax
        orl     $0xe3, %eax             /* large, dirty, accessed, writable */
        movl    %eax, identity_pd(,%ecx,8)
        orl     $4, %eax
        movl    %eax, user_pd(,%ecx,8)
        andl    $~4, %eax
        orl     $0xc0000010, %eax       /* not cached */
        movl    %eax, device_pd(,%ecx,8)
        incl    %ecx
        cmpl    $512, %ecx
        jb      1b

        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx       /* EFER */
        rdmsr
        orl     $0x101, %eax            /* LME, SCE */
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
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %ebx, %edi
        call    guest_main
        movl    %eax, %edi
        call    leave

        .section .note.GNU-stack, "", @progbits
