/* External interrupts: the 8259 pair through LINT0, or through the IO-APIC's pin 0.
 *
 * The vector is the pair's and the local APIC knows nothing of it. Specification: Intel
 * SDM volume 3A, "Local Vector Table", delivery mode ExtINT; MultiProcessor
 * Specification 1.4, 3.6.2, "virtual wire mode". Deliberately absent: a spurious
 * interrupt of the pair, which needs a wire that falls within the acknowledge. */
#include "apic.h"
#include "check.h"
#include "ports.h"
#include "sections.h"
#include "wires.h"

enum { UART_VECTOR = PIC_BASE + UART_PIN, RTC_VECTOR = PIC_BASE + 8, FIXED = 0x5e };

static volatile bool in_service, at_pair;

static void serve(uint8_t vector)
{
    uint8_t irq = vector - PIC_BASE;
    in_service = apic_bit(APIC_ISR, vector);
    at_pair = irq < 8 ? i8259_isr(MASTER) >> irq & 1 : i8259_isr(SLAVE) >> (irq - 8) & 1;
    if (irq == 8)
        rtc_rate(0);
    i8259_eoi(irq);
}

static void pulse(void)
{
    uart_raise();
    spend_open(GRACE);
    uart_drop();
}

static void through_lint0(void)
{
    i8259_mask(0xffff & ~(1 << 4));
    pulse();
    check(stays_away(UART_VECTOR), "with LINT0 masked nothing comes");
    i8259_start();
    i8259_mask(0xffff & ~(1 << 4));
    apic_write(APIC_LINT0, LVT_EXTINT);
    uart_raise();
    bool came = arrives(UART_VECTOR, 1);
    uart_drop();
    check(came, "LINT0: the pair's vector comes to the first processor");
    check(at_pair, "it is in service at the pair");
    check(!in_service, "and not at the APIC");
    apic_write(APIC_TPR, 0xff);
    uart_raise();
    came = arrives(UART_VECTOR, 1);
    uart_drop();
    check(came, "the TPR does not hold it back");
    apic_write(APIC_TPR, 0);

    uart_raise();
    spend(GRACE);
    uart_drop();
    spend(GRACE);
    check(stays_away(UART_VECTOR), "one that is taken back before interrupts are on does not come");
    for (uint32_t irq = 0; irq < 8; irq++)
        cpus[0].count[PIC_BASE + irq] = 0;
    i8259_start();

    i8259_mask(0xffff & ~(1 << 8 | 1 << 2));
    rtc_rate(6);
    came = arrives(RTC_VECTOR, 1);
    check(came && at_pair, "the second chip gives its own vector");
    rtc_rate(0);
    i8259_mask(0xffff & ~(1 << 4));
    apic_write(APIC_LINT0, FIXED);
    uart_raise();
    came = arrives(FIXED, 1);
    uart_drop();
    check(came, "LINT0 as a fixed interrupt: its own vector comes");
    check(stays_away(UART_VECTOR), "and the pair's does not");
    i8259_start();
    i8259_mask(0xffff & ~(1 << 4));
    apic_write(APIC_LINT0, LVT_NMI);
    uart_raise();
    came = arrives(NMI, 1);
    uart_drop();
    check(came, "LINT0 as an NMI");
    check(stays_away(UART_VECTOR), "which leaves the pair's vector where it is");
    clear_counts();
    apic_write(APIC_LINT0, LVT_MASKED);
    i8259_start();
}

static void through_pin_0(void)
{
    i8259_mask(0xffff & ~(1 << 4));
    pin_set(INTR_PIN, cpus[0].id, PIN_EXTINT);
    uart_raise();
    bool came = arrives(UART_VECTOR, 1);
    uart_drop();
    check(came && at_pair && !in_service, "pin 0: the pair's vector comes to the processor that it names");
    if (cpu_count > 1) {
        pin_set(INTR_PIN, cpus[1].id, PIN_EXTINT);
        uart_raise();
        came = arrives(UART_VECTOR, 2);
        uart_drop();
        check(came && at_pair, "pin 0: another processor takes it as well");
    } else {
        skip("pin 0: another processor takes it as well", "one processor");
    }
    pin_set(INTR_PIN, 0, PIN_MASKED | PIN_EXTINT);
    i8259_start();
    i8259_mask(0xffff & ~(1 << 4));
    pulse();
    check(stays_away(UART_VECTOR), "pin 0: masked it does not");
    i8259_start();
}

static void switched_off(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE);
    i8259_mask(0xffff & ~(1 << 4));
    msr_try_write(MSR_APIC_BASE, base & ~(uint64_t)BASE_ENABLE);
    uart_raise();
    interrupts_on();
    spend(GRACE);
    bool came = AWAIT(cpus[0].count[UART_VECTOR] == 1);
    interrupts_off();
    uart_drop();
    msr_try_write(MSR_APIC_BASE, base);
    apic_baseline();
    check(came, "an APIC that is switched off leaves the processor to the pair");
    clear_counts();
}

void test_extint(void)
{
    for (uint32_t irq = 0; irq < 16; irq++)
        handle((uint8_t)(PIC_BASE + irq), serve);
    through_lint0();
    through_pin_0();
    switched_off();
}
