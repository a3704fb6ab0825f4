/* Endings in which the processor stops, or never does.
 *
 * With interrupts off nothing can wake a halted processor; with interrupts on
 * and every source masked nothing will. A monitor should tell both from a
 * guest that merely waits, and from one that is busy. Specification: Intel SDM
 * volume 2, HLT. Deliberately absent: MWAIT. */
#include "endings.h"
#include "entry.h"
#include "leave.h"
#include "ports.h"

#define PIC_FIRST_MASK 0x21
#define PIC_SECOND_MASK 0xa1
#define POST_CODE 0x80

/* One halt; a processor that goes on after it finds itself in the caller. */
int end_halt(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    __asm__ volatile("cli; hlt");
    return STILL_RUNNING;
}

int end_halt_loop(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    halt();
}

int end_idle(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    outb(PIC_FIRST_MASK, 0xff);
    outb(PIC_SECOND_MASK, 0xff);
    for (;;)
        __asm__ volatile("sti; hlt");
}

int end_spin(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    for (;;)
        __asm__ volatile("");
}

int end_spin_out(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    for (uint8_t i = 0; ; i++)
        outb(POST_CODE, i);
}

/* The invalid opcode finds no handler, nor does the fault from that, nor the
 * one from that: the processor shuts down. */
int end_triple(const struct hvm_start_info *info, const char *argument)
{
    const struct descriptor_table empty = { 0, 0 };

    (void)info, (void)argument;
    __asm__ volatile("lidt %0; ud2" : : "m"(empty));
    return STILL_RUNNING;
}

/* SHA1RNDS4 is valid, unprivileged and needs no state but CR4.OSFXSR, so an
 * invalid-opcode exception would be the wrong answer; but neither KVM's
 * emulator nor a monitor that helps it with the odd instruction is likely to
 * know it. A processor with the SHA extensions executes it. */
int end_bad_instruction(const struct hvm_start_info *info, const char *argument)
{
    uint32_t cr4;

    (void)info, (void)argument;
    __asm__ volatile("movl %%cr4, %0; orl $0x200, %0; movl %0, %%cr4" : "=r"(cr4));
    __asm__ volatile("sha1rnds4 $0, %xmm1, %xmm0");
    return STILL_RUNNING;
}
