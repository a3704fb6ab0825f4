/* Entering a context outside long mode, and coming back.
 *
 * run_legacy() leaves long mode by way of compatibility mode, sets the control
 * registers as the context says and enters it by IRET; a context in real mode
 * takes two more steps down. The stubs of the 32-bit table, and of the real-mode
 * one, store what they find and climb back up. Everything on the way is mapped
 * to itself. Specification: Intel SDM volume 3A, "Switching out of IA-32e mode"
 * and "Mode switching". Deliberately absent: virtual-8086 mode, 16-bit gates. */
#include "context.h"

#define EFER 0xc0000080

        .section .bss
        .balign 16
saved_cr0:      .skip 4
saved_cr3:      .skip 4
saved_cr4:      .skip 4
saved_efer:     .skip 4
        .skip   8192
legacy_stack_top:

        .text
        .globl  run_legacy
run_legacy:                             /* rdi: the context */
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, saved_rsp
        movq    %rdi, current
        movq    %cr0, %rax
        movl    %eax, saved_cr0
        movq    %cr3, %rax
        movl    %eax, saved_cr3
        movq    %cr4, %rax
        movl    %eax, saved_cr4
        movl    $EFER, %ecx
        rdmsr
        movl    %eax, saved_efer
        ljmp    *to_compatibility

        .section .rodata
        .balign 8
to_compatibility:
        .long   leave_long
        .word   CODE32

        .text
        .code32
leave_long:
        movl    $DATA, %eax
        movl    %eax, %ss
        movl    $legacy_stack_top, %esp
        movl    %eax, %ds
        movl    %eax, %es
        movl    %cr0, %eax
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        movl    current, %ebx
        movl    $EFER, %ecx
        movl    CONTEXT_EFER(%ebx), %eax
        xorl    %edx, %edx
        wrmsr
        movl    CONTEXT_CR4(%ebx), %eax
        movl    %eax, %cr4
        movl    CONTEXT_CR3(%ebx), %eax
        movl    %eax, %cr3
        lidt    idtr32
        cmpl    $REAL, CONTEXT_MODE(%ebx)
        je      to_real
        andb    $~2, gdt + TSS32 + 5    /* not busy */
        movl    $TSS32, %eax
        ltr     %ax
        movl    CONTEXT_CR0(%ebx), %eax
        movl    %eax, %cr0
        jmp     1f
1:      testb   $3, CONTEXT_CS(%ebx)
        jz      2f
        pushl   CONTEXT_SS(%ebx)
        pushl   CONTEXT_RSP(%ebx)
        jmp     3f
2:      movl    CONTEXT_RSP(%ebx), %esp
3:      pushl   CONTEXT_RFLAGS(%ebx)
        pushl   CONTEXT_CS(%ebx)
        pushl   CONTEXT_RIP(%ebx)
        pushl   CONTEXT_GS(%ebx)
        pushl   CONTEXT_FS(%ebx)
        pushl   CONTEXT_ES(%ebx)
        pushl   CONTEXT_DS(%ebx)
        pushl   CONTEXT_RAX(%ebx)
        pushl   CONTEXT_RCX(%ebx)
        pushl   CONTEXT_RDX(%ebx)
        pushl   CONTEXT_RBX(%ebx)
        pushl   $0
        pushl   CONTEXT_RBP(%ebx)
        pushl   CONTEXT_RSI(%ebx)
        pushl   CONTEXT_RDI(%ebx)
        popal
        popl    %ds
        popl    %es
        popl    %fs
        popl    %gs
        iretl

        .globl  stubs_legacy
        .balign 16
stubs_legacy:
        .set    vector, 0
        .rept   256
        .balign 16
        pushl   $vector
        jmp     trapped_legacy
        .set    vector, vector + 1
        .endr

trapped_legacy:
        pushal
        movl    %ds, %ecx
        movl    $DATA, %eax
        movl    %eax, %ds
        movl    current, %ebx
        movl    %ecx, CONTEXT_DS(%ebx)
        movl    %es, %ecx
        movl    %ecx, CONTEXT_ES(%ebx)
        movl    %eax, %es
        movl    %fs, %ecx
        movl    %ecx, CONTEXT_FS(%ebx)
        movl    %gs, %ecx
        movl    %ecx, CONTEXT_GS(%ebx)
        popl    CONTEXT_RDI(%ebx)
        popl    CONTEXT_RSI(%ebx)
        popl    CONTEXT_RBP(%ebx)
        popl    %eax
        popl    CONTEXT_RBX(%ebx)
        popl    CONTEXT_RDX(%ebx)
        popl    CONTEXT_RCX(%ebx)
        popl    CONTEXT_RAX(%ebx)
        popl    %ecx
        movl    %ecx, CONTEXT_VECTOR(%ebx)
        movl    $-1, CONTEXT_ERROR(%ebx)
        movl    $-1, CONTEXT_ERROR+4(%ebx)
        cmpl    $31, %ecx
        ja      1f
        movl    $0x00227d00, %eax       /* 8, 10 to 14, 17, 21 push one */
        btl     %ecx, %eax
        jnc     1f
        popl    CONTEXT_ERROR(%ebx)
        movl    $0, CONTEXT_ERROR+4(%ebx)
1:      movl    %esp, CONTEXT_FRAME(%ebx)
        pushfl
        popl    CONTEXT_HFLAGS(%ebx)
        pushl   $2
        popfl
        movl    %ss, %eax
        movl    %eax, CONTEXT_HSS(%ebx)
        popl    CONTEXT_RIP(%ebx)
        popl    %eax
        movzwl  %ax, %eax
        movl    %eax, CONTEXT_CS(%ebx)
        popl    CONTEXT_RFLAGS(%ebx)
        testb   $3, %al
        jnz     2f
        movl    %esp, CONTEXT_RSP(%ebx)
        movl    %ss, %eax
        movl    %eax, CONTEXT_SS(%ebx)
        jmp     to_long
2:      popl    CONTEXT_RSP(%ebx)
        popl    %eax
        movzwl  %ax, %eax
        movl    %eax, CONTEXT_SS(%ebx)

to_long:                                /* ebx: the context, DS flat */
        movl    $DATA, %eax
        movl    %eax, %ss
        movl    $legacy_stack_top, %esp
        movl    %cr2, %eax
        movl    %eax, CONTEXT_CR2(%ebx)
        movl    %cr3, %eax
        movl    %eax, CONTEXT_CR3(%ebx)
        movl    %cr4, %eax
        movl    %eax, CONTEXT_CR4(%ebx)
        movl    %cr0, %eax
        movl    %eax, CONTEXT_CR0(%ebx)
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        movl    $EFER, %ecx
        rdmsr
        movl    %eax, CONTEXT_EFER(%ebx)
        movl    saved_efer, %eax
        wrmsr
        movl    saved_cr4, %eax
        movl    %eax, %cr4
        movl    saved_cr3, %eax
        movl    %eax, %cr3
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    saved_cr0, %eax
        movl    %eax, %cr0
        ljmp    $CODE64, $1f
        .code64
1:      lgdt    gdtr
        lidt    idtr
        andb    $~2, gdt + TSS64 + 5
        movl    $TSS64, %eax
        ltr     %ax
        jmp     back_in_long

        .code32
to_real:                                /* the real-mode stack gets all of it */
        movl    CONTEXT_RSP(%ebx), %edi
        leal    REAL_DATA - 46(%edi), %edi
        movl    %edi, %ebp
        cld
        .irp    field, CONTEXT_DS, CONTEXT_ES, CONTEXT_FS, CONTEXT_GS
        movl    \field(%ebx), %eax
        stosw
        .endr
        .irp    field, CONTEXT_RDI, CONTEXT_RSI, CONTEXT_RBP, CONTEXT_RSP, CONTEXT_RBX, CONTEXT_RDX, CONTEXT_RCX, CONTEXT_RAX
        movl    \field(%ebx), %eax
        stosl
        .endr
        .irp    field, CONTEXT_RIP, CONTEXT_CS, CONTEXT_RFLAGS
        movl    \field(%ebx), %eax
        stosw
        .endr
        lidt    real_idtr
        ljmp    $CODE16, $real_16 - stubs_real

from_real:                              /* esi: the linear address of the stack */
        movl    $DATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $legacy_stack_top, %esp
        movl    current, %ebx
        .irp    field, CONTEXT_GS, CONTEXT_FS, CONTEXT_ES, CONTEXT_DS
        xorl    %eax, %eax
        lodsw
        movl    %eax, \field(%ebx)
        .endr
        .irp    field, CONTEXT_RDI, CONTEXT_RSI, CONTEXT_RBP
        lodsl
        movl    %eax, \field(%ebx)
        .endr
        lodsl
        .irp    field, CONTEXT_RBX, CONTEXT_RDX, CONTEXT_RCX, CONTEXT_RAX
        lodsl
        movl    %eax, \field(%ebx)
        .endr
        movl    $-1, CONTEXT_ERROR(%ebx)
        movl    $-1, CONTEXT_ERROR+4(%ebx)
        .irp    field, CONTEXT_VECTOR, CONTEXT_RIP, CONTEXT_CS, CONTEXT_RFLAGS
        xorl    %eax, %eax
        lodsw
        movl    %eax, \field(%ebx)
        .endr
        movl    %edi, CONTEXT_HFLAGS(%ebx)
        movl    %ebp, CONTEXT_SS(%ebx)
        shll    $4, %ebp
        subl    %ebp, %esi
        movl    %esi, CONTEXT_RSP(%ebx)
        jmp     to_long

        .section .rodata
real_idtr:
        .word   0x3ff
        .long   0

        .section .real.stubs, "ax"
        .code16
        .globl  stubs_real
stubs_real:
        .set    vector, 0
        .rept   64
        .balign 8
        pushw   $vector
        jmp     trapped_real
        .set    vector, vector + 1
        .endr

real_16:                                /* ebp: the linear address of the stack */
        movw    $DATA16, %ax            /* the limits that real mode wants */
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    %cr0, %eax
        andb    $~1, %al
        movl    %eax, %cr0
        ljmp    $(REAL_BASE >> 4), $1f - stubs_real
1:      movw    $(REAL_DATA >> 4), %ax
        movw    %ax, %ss
        leal    -REAL_DATA(%ebp), %esp
        popw    %ds
        popw    %es
        popw    %fs
        popw    %gs
        popal
        iretw

trapped_real:
        pushal
        pushw   %ds
        pushw   %es
        pushw   %fs
        pushw   %gs
        pushfl
        popl    %edi
        xorl    %ebp, %ebp
        movw    %ss, %bp
        movl    %ebp, %esi
        shll    $4, %esi
        movzwl  %sp, %eax
        addl    %eax, %esi
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $CODE32, $from_real

        .section .note.GNU-stack, "", @progbits
