# The firmware of a machine that has none: 64 KiB of ROM for QEMU's microvm that
# enters a kernel already in memory by its PVH entry, with nothing but the start
# information in its hands. QEMU's own firmware would leave an MP table behind;
# hvrun's first machine has no table of any kind, and Linux must boot on that too.
#
# From the command line: ENTRY, MEMORY (bytes), INITRD (address), INITRD_SIZE, CMDLINE.
# Deliberately absent: A20, a stack, a TSS, any look at the hardware.

#define ROM 0xf0000

        .globl  _start
_start:
gdt:    .quad   0
        .quad   0x00cf9b000000ffff              # 0x08: flat code
        .quad   0x00cf93000000ffff              # 0x10: flat data
gdtr:   .word   gdtr - gdt - 1
        .long   ROM + gdt - _start

        .balign 8
start_info:
        .long   0x336ec578, 1, 0, 1             # magic, version, flags, modules
        .quad   ROM + modules - _start, ROM + command_line - _start, 0
        .quad   ROM + memory_map - _start
        .long   2, 0
modules:
        .quad   INITRD, INITRD_SIZE, 0, 0
memory_map:
        .quad   0, 0x9fc00, 1
        .quad   0x100000, MEMORY - 0x100000, 1
command_line:
        .asciz  CMDLINE

        .code16
real:   cli
        lgdtl   %cs:gdtr - _start
        mov     $0x11, %eax                     # PE and ET
        mov     %eax, %cr0
        ljmpl   $0x08, $(ROM + flat - _start)

        .code32
flat:   mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        mov     $(ROM + start_info - _start), %ebx
        mov     $ENTRY, %eax
        jmp     *%eax

        .code16
        .org    0xfff0                          # where the processor wakes up
        jmp     real
        .org    0x10000
