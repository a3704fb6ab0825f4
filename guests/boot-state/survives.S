/* survives(access, argument): a call that outlives an exception in it.
 *
 * An exception's gate leads to survives_fault, which drops the stack back to
 * the call and returns 0; so neither an error code nor IRET matters. It does
 * not nest. Specification: Intel SDM volume 3A, chapter 6. Deliberately
 * absent: which exception it was, and where. */
        .section .text.survives, "ax"
        .globl  survives, survives_fault
survives:
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %ebp
        movl    %esp, resume
        pushl   24(%esp)                /* argument */
        call    *24(%esp)               /* access */
        movl    $1, %eax
        jmp     return
survives_fault:
        xorl    %eax, %eax
return:
        movl    resume, %esp
        popl    %ebp
        popl    %edi
        popl    %esi
        popl    %ebx
        ret

        .section .data.survives, "aw"
        .balign 4
resume: .long   0

        .section .note.GNU-stack, "", @progbits
