/* Rules of the interrupt controllers that hypervisors leave out: one line each.
 *
 * Each is a question that the register behind it answers, with interrupts off; what
 * only delivery tells is asked last, and what a hypervisor may stop at comes behind
 * that. The serial port's wire is the one that is moved. Specification: Intel SDM
 * volume 3A, chapter "APIC"; 82093AA and 8259A data sheets. Deliberately absent: other
 * processors, but for restart.c, and all that guests/interrupts asks and no hypervisor is
 * known to fail. */
#include "probe.h"
#include "idt.h"
#include "lapic.h"
#include "long.h"
#include "ports.h"

enum { TPR = 0x080, SVR = 0x0f0, IRR = 0x200, ESR = 0x280, LINT0 = 0x350, CURRENT = 0x390, NO_REGISTER = 0x3c0 };
enum { MASKED = 0x10000, ENABLED = 0x1ff, ESR_REGISTER = 0x80, DIVIDE_BY_16 = 3 };
enum { VECTOR = 0x50, ILLEGAL_VECTOR = 5, GENERAL_PROTECTION = 13, TO_SELF = 0x44000 };
enum { PIC = 0x20, PIC_VECTOR = 0x70, UART_IER = 0x3f9, UART_IIR = 0x3fa, UART_IRQ = 4 };
enum { PIN_LOW = 0x2000, PIN_EXTINT = 0x700, INTR_PIN = 0 };
enum { MSR_APIC_BASE = 0x1b, MSR_X2APIC = 0x800, BASE_ENABLE = 0x800, BASE_X2APIC = 0x400 };

enum { LEVEL_VECTOR = 0x58, PIN_LEVEL = 0x8000, REMOTE_IRR = 0x4000, ID = 0x020, PAGE = 3, LARGE_PAGE = 0x83 };

#define PATIENCE 300            /* rounds of waiting for an interrupt */
#define LOOK 3000               /* rounds */
#define STAYS 12                /* in 64-bit mode */
#define READINGS 20000          /* of a count that has to come to its end */

/* vectors.S enters through these. */
void vector_entry(void);
void external_entry(void);
void level_entry(void);
void protection_entry(void);
void on_level(void);
void on_vector(void);
void on_external(void);

extern volatile uint32_t refusals;
static volatile bool arrived, came_early;
static volatile uint32_t levels, levels_wanted;

void on_vector(void)
{
    arrived = true;
    *lapic(LAPIC_EOI) = 0;
}

void on_external(void)
{
    arrived = true;
    outb(PIC, 0x20);
}

void rule(const char *name, bool kept)
{
    say("rule %s %s\n", name, kept ? "kept" : "broken");
}

bool requested(uint32_t vector)
{
    return *lapic(IRR + (vector >> 5) * 0x10) >> (vector & 31) & 1;
}

/* Lets what is requested in; whether anything came. */
static bool comes(void)
{
    arrived = false;
    __asm__ volatile("sti" : : : "memory");
    for (int i = 0; i < PATIENCE && !arrived; i++)
        __asm__ volatile("nop");
    __asm__ volatile("cli" : : : "memory");
    return arrived;
}

static void wire_up(void)
{
    outb(UART_IER, 2);
}

static void wire_down(void)
{
    inb(UART_IIR);
    outb(UART_IER, 0);
}

static void pin(uint32_t number, uint32_t entry)
{
    volatile uint32_t *ioapic = (volatile uint32_t *)0xfec00000u;
    ioapic[0] = 0x11 + 2 * number;
    ioapic[4] = 0;
    ioapic[0] = 0x10 + 2 * number;
    ioapic[4] = entry;
}

static uint32_t pin_low(uint32_t number)
{
    volatile uint32_t *ioapic = (volatile uint32_t *)0xfec00000u;
    ioapic[0] = 0x10 + 2 * number;
    return ioapic[4];
}

/* Also what takes back all that the pair has seen. */
static void pic_start(uint8_t masked)
{
    outb(PIC, 0x11);
    outb(PIC + 1, PIC_VECTOR);
    outb(PIC + 1, 1 << 2);
    outb(PIC + 1, 0x01);
    outb(PIC + 1, masked);
}

static uint8_t pic_read(uint8_t command)
{
    outb(PIC, command);
    return inb(PIC);
}

static void local_apic(void)
{
    *lapic(TPR) = 0x5a;
    rule("taskPriorityHasEightBits", *lapic(TPR) == 0x5a);
    *lapic(TPR) = 0;
    *lapic(LINT0) = 0x1efff;
    rule("lvtReservedBitsClear", (*lapic(LINT0) & ~0x1000u) == 0x1a7ff);
    *lapic(LINT0) = MASKED;

    *lapic(ESR) = 0;
    (void)*lapic(NO_REGISTER);
    *lapic(ESR) = 0;
    rule("errorsLogged", *lapic(ESR) & ESR_REGISTER);
    *lapic(LAPIC_ICR_LOW) = TO_SELF | ILLEGAL_VECTOR;
    rule("illegalVectorsDropped", !requested(ILLEGAL_VECTOR));

    *lapic(LAPIC_DIVIDE) = 0xb;
    *lapic(LAPIC_TIMER) = MASKED | VECTOR;
    *lapic(LAPIC_INITIAL_COUNT) = 1000;
    bool ended = false;
    for (int i = 0; i < READINGS && !ended; i++)
        ended = *lapic(CURRENT) == 0;
    *lapic(LAPIC_TIMER) = VECTOR;
    rule("maskedTimerDropped", ended && !comes());
    *lapic(LAPIC_TIMER) = MASKED;
    *lapic(LAPIC_INITIAL_COUNT) = 0;
}

static void wires(void)
{
    uint8_t masked = (uint8_t)~(1 << UART_IRQ);

    pic_start(0xff);
    pin(UART_IRQ, MASKED | PIN_LOW | VECTOR);
    pin(UART_IRQ, PIN_LOW | VECTOR);
    wire_up();
    bool quiet = !requested(VECTOR);
    wire_down();
    rule("ioApicPolarityHeeded", requested(VECTOR) && quiet);
    pin(UART_IRQ, MASKED);
    comes();

    pic_start(masked);
    wire_up();
    rule("picPollAcknowledges", (pic_read(0x0c) & 0x87) == (0x80 | UART_IRQ) && pic_read(0x0b) == 1 << UART_IRQ);
    wire_down();
    pic_start(masked);
    wire_up();
    wire_down();
    rule("picRequestsTakenBack", pic_read(0x0a) == 0);

    pic_start(masked);
    *lapic(LINT0) = VECTOR;
    wire_up();
    rule("lint0DeliversByMode", requested(VECTOR));
    wire_down();
    *lapic(LINT0) = MASKED;
    pic_start(masked);
    comes();
    pin(INTR_PIN, PIN_EXTINT);
    wire_up();
    rule("extIntByPin0", comes());
    wire_down();
    pin(INTR_PIN, MASKED);
    pic_start(0xff);
}

/* For as long as a hypervisor may run a guest before it looks for interrupts: some run a thousand instructions. */
static void spend(void)
{
    for (int i = 0; i < LOOK; i++)
        __asm__ volatile("nop");
}

/* Lets the wire go when it has come often enough, before it ends the interrupt. */
void on_level(void)
{
    spend();
    came_early |= requested(LEVEL_VECTOR);
    if (++levels == levels_wanted)
        wire_down();
    *lapic(LAPIC_EOI) = 0;
}

/* Whether a level that is up until the last one's handler comes so often, each time behind the EOI, and leaves nothing behind. */
static bool comes_often(uint32_t wanted)
{
    levels = 0;
    levels_wanted = wanted;
    pin(UART_IRQ, PIN_LEVEL | LEVEL_VECTOR);
    wire_up();
    __asm__ volatile("sti" : : : "memory");
    for (int i = 0; i < 4 && levels < wanted; i++)
        spend();
    __asm__ volatile("cli" : : : "memory");
    return levels == wanted && !requested(LEVEL_VECTOR) && !(pin_low(UART_IRQ) & REMOTE_IRR);
}

static void levels_and_ends(void)
{
    bool ends = comes_often(1);
    ends &= comes_often(3);
    rule("levelsEndWithEoi", ends && !came_early);
    wire_down();
    pin(UART_IRQ, MASKED);
    __asm__ volatile("sti" : : : "memory");
    spend();
    __asm__ volatile("cli" : : : "memory");
}

/* Two more NMIs while one is being handled, of which one waits for its end. Asked in 64-bit mode; the processor has that, or the question is not asked. */
static void non_maskable(void)
{
    uint32_t eax = 0x80000001, ebx, ecx, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (!(edx >> 29 & 1))
        return;
    level4[0] = (uintptr_t)level3 | PAGE;
    for (uint32_t i = 0; i < 4; i++)
        level3[i] = (uintptr_t)(level2 + 512 * i) | PAGE;
    for (uint32_t i = 0; i < 4 * 512; i++)
        level2[i] = (uint64_t)i << 21 | LARGE_PAGE;
    long_gate();

    /* Several times: it hangs on when the hypervisor looks. */
    bool kept = true;
    for (int i = 0; i < STAYS && kept; i++) {
        long_nmis = 0;
        *lapic(LAPIC_ICR_HIGH) = *lapic(ID);
        long_stay(NMI_TO);
        kept = long_nmis_within == 1 && long_nmis == 2;
    }
    rule("oneNmiKept", kept);
}

/* A window is open for the one instruction behind the shadow of STI. */
static void short_window(void)
{
    *lapic(LAPIC_ICR_LOW) = TO_SELF | VECTOR;
    arrived = false;
    __asm__ volatile("sti; nop; cli" : : : "memory");
    rule("shortWindowsSeen", arrived);
    comes();
}

static bool refused(uint32_t msr, uint32_t high, uint32_t low)
{
    uint32_t before = refusals;
    __asm__ volatile("wrmsr" : : "c"(msr), "d"(high), "a"(low) : "memory");
    return refusals != before;
}

/* Off, on, and into x2APIC mode where CPUID has that. */
static void modes(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx, low, high;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
    *lapic(LAPIC_DIVIDE) = DIVIDE_BY_16;
    refused(MSR_APIC_BASE, high, low & ~(uint32_t)BASE_ENABLE);
    refused(MSR_APIC_BASE, high, low);
    rule("apicForgetsWhenOff", *lapic(LAPIC_DIVIDE) == 0 && (*lapic(SVR) & 0x1ff) == 0xff);
    *lapic(SVR) = ENABLED;
    if (!(ecx >> 21 & 1) || refused(MSR_APIC_BASE, high, low | BASE_X2APIC))
        return;
    bool reserved = refused(MSR_X2APIC + TPR / 16, 0, 0x100);
    reserved &= refused(MSR_X2APIC + SVR / 16, 0, 1u << 31 | ENABLED);
    reserved &= refused(MSR_X2APIC + LAPIC_DIVIDE / 16, 0, 0x10);
    rule("x2ApicReservedBitsRefused", reserved);
    bool zero = refused(MSR_X2APIC + LAPIC_EOI / 16, 0, 1);
    zero &= refused(MSR_X2APIC + ESR / 16, 0, 1);
    rule("x2ApicTakesZeroAlone", zero);
    refused(MSR_APIC_BASE, high, low & ~(uint32_t)BASE_ENABLE);
    refused(MSR_APIC_BASE, high, low);
}

void probe_rules(void)
{
    idt_set(GENERAL_PROTECTION, (uintptr_t)protection_entry);
    idt_set(VECTOR, (uintptr_t)vector_entry);
    idt_set(LEVEL_VECTOR, (uintptr_t)level_entry);
    idt_set(PIC_VECTOR + UART_IRQ, (uintptr_t)external_entry);
    *lapic(SVR) = ENABLED;
    local_apic();
    wires();
    modes();
    *lapic(SVR) = ENABLED;
    short_window();
    levels_and_ends();
    non_maskable();
}
