/* Endings in which the processor stops, or never does.
 *
 * With interrupts off nothing can wake a halted processor; with interrupts on
 * and every source masked nothing will. A monitor should tell both from a
 * guest that merely waits, and from one that is busy. Specification: Intel SDM
 * volume 2, HLT. Deliberately absent: MWAIT. */
#include "endings.h"
#include "entry.h"
#include "irq.h"
#include "lapic.h"
#include "leave.h"
#include "pic.h"
#include "ports.h"
#include "print.h"
#include "serial.h"

#define PIC_FIRST_MASK 0x21
#define PIC_SECOND_MASK 0xa1
#define POST_CODE 0x80

#define DIVIDE_BY_128 0xa
#define FAR_AWAY 0xffffffffu            /* minutes, at 1 GHz */
#define TIMER_STUB 15

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

int end_halt_sti(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    outb(PIC_FIRST_MASK, 0xff);
    outb(PIC_SECOND_MASK, 0xff);
    for (;;)
        __asm__ volatile("sti; hlt");
}

static void on_timer(void)
{
    *lapic(LAPIC_INITIAL_COUNT) = FAR_AWAY;
    *lapic(LAPIC_EOI) = 0;
}

/* The timer's vector has the entry stub of a line that stays masked. */
int end_idle(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    irq_start();
    irq_handle(TIMER_STUB, on_timer);
    outb(PIC_FIRST_MASK, 0xff);
    outb(PIC_SECOND_MASK, 0xff);
    *lapic(LAPIC_DIVIDE) = DIVIDE_BY_128;
    *lapic(LAPIC_TIMER) = PIC_VECTOR + TIMER_STUB;
    *lapic(LAPIC_INITIAL_COUNT) = FAR_AWAY;
    for (;;)
        wait_for_interrupt();
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

/* In the new task: a processor that switches tasks has been here. */
static void after_task_switch(void)
{
    print("endings: task-switch had no effect\n");
    serial_drain();
    leave(STATUS_NO_EFFECT);
}

/* A far jump to the state of another task, by the rules of the 80386: every
 * processor switches to it, but a monitor's own processor may not. */
int end_task_switch(const struct hvm_start_info *info, const char *argument)
{
    enum { OLD = 0x18, NEW = 0x20, ENTRIES = 5, TASK = 26, AVAILABLE = 0x89 };
    static uint32_t tasks[2][TASK];
    static uint64_t gdt[ENTRIES];
    static uint32_t stack[256];
    const struct descriptor_table table = { sizeof gdt - 1, (uint32_t)gdt };
    const uint64_t *own = (const uint64_t *)own_gdt.base;
    uint16_t code, data;

    (void)info, (void)argument;
    for (uint32_t i = 0; i < 3; i++)
        gdt[i] = own[i];
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t base = (uint32_t)tasks[i];
        gdt[OLD / 8 + i] = (sizeof tasks[i] - 1) | (base & 0xffffff) << 16 |
            (uint64_t)AVAILABLE << 40 | (base >> 24) << 56;
    }
    __asm__ volatile("movw %%cs, %0; movw %%ss, %1" : "=r"(code), "=r"(data));
    tasks[1][8] = (uint32_t)after_task_switch;
    tasks[1][9] = 2;                            /* EFLAGS with interrupts off */
    tasks[1][14] = (uint32_t)(stack + 255);
    for (uint32_t i = 18; i < 24; i++)          /* ES to GS */
        tasks[1][i] = i == 19 ? code : data;
    tasks[1][25] = sizeof tasks[1] << 16;       /* no I/O permission bitmap */
    __asm__ volatile("lgdt %0; ltrw %w1; ljmp %2, $0"
        : : "m"(table), "r"(OLD), "i"(NEW) : "memory");
    return STILL_RUNNING;
}
