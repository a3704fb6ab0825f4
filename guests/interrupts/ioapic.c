/* The IO-APIC's registers, and edges: who gets them, masks, polarity, delivery modes.
 *
 * The serial port's wire is raised and dropped by hand; channel 0 of the 8254 makes
 * an edge by itself. Specification: Intel 82093AA data sheet, "I/O APIC Register
 * Description". Deliberately absent: SMI and INIT by a pin. */
#include "apic.h"
#include "check.h"
#include "sections.h"
#include "wires.h"

enum { VECTOR = 0x5a, ILLEGAL_VECTOR = 5, FIRST_INDEX = IOAPIC_ENTRY };

static void pulse(void)
{
    uart_raise();
    uart_drop();
}

static void registers(void)
{
    uint32_t version = ioapic_read(IOAPIC_VERSION), pins = ioapic_pins();
    note("version 0x%x", version);
    check(pins == 24, "there are 24 entries");
    ioapic_write(IOAPIC_VERSION, ~version);
    check(ioapic_read(IOAPIC_VERSION) == version, "the version ignores writes");
    uint32_t id = ioapic_read(IOAPIC_ID);
    ioapic_write(IOAPIC_ID, 0x05000000);
    check((ioapic_read(IOAPIC_ID) >> 24 & 0xf) == 5, "the id holds four bits");
    ioapic_write(IOAPIC_ID, id);
    check(ioapic_read(0x100 | IOAPIC_VERSION) == version, "the index has eight bits");
    bool good = true;
    for (uint32_t pin = 0; pin < pins; pin++) {
        pin_set(pin, 0xa5, PIN_MASKED | PIN_LEVEL | PIN_LOGICAL | PIN_LOWEST | (0x60 + pin));
        good &= pin_get(pin) == (PIN_MASKED | PIN_LEVEL | PIN_LOGICAL | PIN_LOWEST | (0x60 + pin)) &&
            ioapic_read(FIRST_INDEX + 2 * pin + 1) == 0xa5000000;
        pin_set(pin, 0, PIN_MASKED);
    }
    check(good, "each entry holds what is written");
    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LEVEL | PIN_REMOTE_IRR | 0x1000);
    check((pin_get(UART_PIN) & (PIN_REMOTE_IRR | 0x1000)) == 0, "delivery status and remote IRR are read-only");
}

static void destinations(void)
{
    bool good = true;
    for (uint32_t i = 0; i < cpu_count; i++) {
        pin_set(UART_PIN, cpus[i].id, VECTOR);
        pulse();
        good &= arrives(VECTOR, 1ull << i);
    }
    check(good, "physical: each processor by its id");
    pin_set(UART_PIN, 0xff, VECTOR);
    pulse();
    check(arrives(VECTOR, everyone(cpu_count)), "physical: 0xff is everyone");
    uint32_t eight = cpu_count < 8 ? cpu_count : 8;
    pin_set(UART_PIN, (1u << eight) - 1, PIN_LOGICAL | VECTOR);
    pulse();
    check(arrives(VECTOR, everyone(eight)), "logical: several bits are several");
    pin_set(UART_PIN, 1u << (eight - 1), PIN_LOGICAL | VECTOR);
    pulse();
    check(arrives(VECTOR, 1ull << (eight - 1)), "logical: one bit is one");
    pin_set(UART_PIN, (1u << eight) - 1, PIN_LOGICAL | PIN_LOWEST | VECTOR);
    for (uint32_t i = 1; i <= 16; i++) {
        pulse();
        if (!AWAIT_OPEN(total(VECTOR) == i))
            break;
    }
    spend_open(GRACE);
    check(total(VECTOR) == 16, "lowest priority: each edge comes to one");
    clear_counts();
    pin_set(UART_PIN, cpus[cpu_count - 1].id, PIN_NMI);
    pulse();
    check(arrives(NMI, 1ull << (cpu_count - 1)), "an NMI by a pin");
    pin_set(UART_PIN, 0, PIN_MASKED);
}

static void edges(void)
{
    pin_set(UART_PIN, 0, VECTOR);
    uart_raise();
    check(arrives(VECTOR, 1), "an edge comes when its wire rises");
    check(stays_away(VECTOR), "and not again while it is up");
    uart_drop();
    check(stays_away(VECTOR), "nor when it falls");
    pulse();
    pulse();
    check(!(pin_get(UART_PIN) & PIN_REMOTE_IRR), "an edge has no remote IRR");
    check(arrives(VECTOR, 1), "two before the first is taken are one");
    check(!apic_bit(APIC_TMR, VECTOR), "the TMR has no bit of it");

    pin_set(UART_PIN, 0, PIN_MASKED | VECTOR);
    pulse();
    check(stays_away(VECTOR), "a masked edge does not come");
    pin_set(UART_PIN, 0, VECTOR);
    check(stays_away(VECTOR), "and is lost");
    pin_set(UART_PIN, 0, PIN_MASKED | VECTOR);
    uart_raise();
    pin_set(UART_PIN, 0, VECTOR);
    check(stays_away(VECTOR), "also while its wire is still up");
    uart_drop();
    pulse();
    check(arrives(VECTOR, 1), "the next one comes");

    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LOW | VECTOR);
    pin_set(UART_PIN, 0, PIN_LOW | VECTOR);
    drain();
    uart_raise();
    check(stays_away(VECTOR), "active low: a wire that rises is no edge");
    uart_drop();
    check(arrives(VECTOR, 1), "active low: one that falls is");
    pin_set(UART_PIN, 0, PIN_MASKED);

    pin_set(PIT_PIN, 0, VECTOR);
    pit_once(100);
    check(arrives(VECTOR, 1), "the 8254 is at pin 2");
    pit_stop();
    pin_set(PIT_PIN, 0, PIN_MASKED);
    this_cpu()->first_vector = 0;
    pin_set(UART_PIN, 0, ILLEGAL_VECTOR);
    apic_errors();
    pulse();
    spend(GRACE);
    check(apic_errors() & ESR_RECEIVE_VECTOR, "an illegal vector is logged by who receives it");
    stays_away(ILLEGAL_VECTOR);
    this_cpu()->first_vector = EXCEPTIONS;
    pin_set(UART_PIN, 0, PIN_MASKED);
}

void test_ioapic(void)
{
    registers();
    destinations();
    edges();
}
