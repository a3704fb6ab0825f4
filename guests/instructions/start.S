/*
 * From the 32-bit PVH entry (flat segments, paging off) to 64-bit mode: the first GiB mapped to itself by 2 MiB pages, a stack, an interrupt
 * table with one stub for each vector. Vectors above 31 and #BP count themselves and return; every other exception ends the guest.
 */
        .section .note.pvh, "a", @note
        .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long pvh_entry

        .section .bss
        .balign 4096
pml4:   .skip 4096
pdpt:   .skip 4096
pd:     .skip 4096
idt:    .skip 4096
        .skip 16384
stack_top:

        .section .data
        .balign 8
gdt:    .quad 0
        .quad 0x00af9b000000ffff        /* 0x08: 64-bit code */
        .quad 0x00cf93000000ffff        /* 0x10: writable data */
        .quad 0x00cf91000000ffff        /* 0x18: read-only data, for VERW */
gdt_end:
gdtr:   .word gdt_end - gdt - 1
        .quad gdt
idtr:   .word 4095
        .quad idt

        .text
        .code32
        .globl pvh_entry
pvh_entry:
        cli
        movl $stack_top, %esp
        movl $pdpt + 3, pml4
        movl $pd + 3, pdpt
        xorl %ecx, %ecx
1:      movl %ecx, %eax
        shll $21, %eax
        orl $0x83, %eax
        movl %eax, pd(,%ecx,8)
        incl %ecx
        cmpl $512, %ecx
        jb 1b
        movl $pml4, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x620, %eax                /* PAE, OSFXSR, OSXMMEXCPT */
        movl %eax, %cr4
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax                /* LME */
        wrmsr
        movl %cr0, %eax
        andl $~0xc, %eax                /* EM and TS off */
        orl $0x80000023, %eax           /* PG, NE, MP, PE */
        movl %eax, %cr0
        lgdt gdtr
        ljmp $8, $long_mode

        .code64
long_mode:
        movl $0x10, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        xorl %eax, %eax
        movl %eax, %fs
        movl %eax, %gs
        movl $idt, %edi
        movl $stubs, %esi
        movl $256, %ecx
2:      movw %si, (%rdi)
        movw $8, 2(%rdi)
        movw $0x8e00, 4(%rdi)
        movl %esi, %eax
        shrl $16, %eax
        movw %ax, 6(%rdi)
        addl $16, %edi
        addl $16, %esi
        decl %ecx
        jnz 2b
        lidt idtr
        call main
        movl %eax, %eax
        movw $0xf4, %dx
        outb %al, %dx
3:      hlt
        jmp 3b

        .balign 16
stubs:
        .set vector, 0
        .rept 256
        .balign 16
        pushq $vector
        jmp common
        .set vector, vector + 1
        .endr

common:
        cmpq $3, (%rsp)
        je 4f
        cmpq $32, (%rsp)
        jae 4f
        movq (%rsp), %rdi               /* vector */
        movq 8(%rsp), %rsi              /* RIP, or the error code with the vectors that push one */
        movq 16(%rsp), %rdx
        call unexpected
4:      pushq %rax
        movq 8(%rsp), %rax
        incl deliveries(,%rax,4)
        popq %rax
        addq $8, %rsp
        iretq

        .section .note.GNU-stack, "", @progbits
