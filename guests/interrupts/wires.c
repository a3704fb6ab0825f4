/* The IO-APIC's registers, the 8259 pair's, and the devices that drive their inputs.
 *
 * The serial port's wire is one that can be held: it is up from the moment at which
 * its empty transmitter may interrupt until the identification is read.
 * Specification: Intel 82093AA, 8259A and 8254 data sheets, PC16550D, MC146818A.
 * Deliberately absent: tables that say which pins these are; every PC has them so. */
#include "wires.h"
#include "ports.h"
#include "serial.h"

static volatile uint32_t *ioapic(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(IOAPIC_ADDRESS + offset);
}

uint32_t ioapic_read(uint32_t index)
{
    *ioapic(0) = index;
    return *ioapic(0x10);
}

void ioapic_write(uint32_t index, uint32_t value)
{
    *ioapic(0) = index;
    *ioapic(0x10) = value;
}

uint32_t ioapic_pins(void)
{
    return (ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1;
}

bool ioapic_has_eoi(void)
{
    uint32_t version = ioapic_read(IOAPIC_VERSION) & 0xff;
    return version >= 0x20 && version != 0xff;
}

void ioapic_eoi(uint8_t vector)
{
    *ioapic(0x40) = vector;
}

void pin_set(uint32_t pin, uint32_t destination, uint32_t low)
{
    ioapic_write(IOAPIC_ENTRY + 2 * pin + 1, destination << 24);
    ioapic_write(IOAPIC_ENTRY + 2 * pin, low);
}

uint32_t pin_get(uint32_t pin)
{
    return ioapic_read(IOAPIC_ENTRY + 2 * pin);
}

volatile bool uart_is_up;

void uart_raise(void)
{
    serial_drain();
    uart_is_up = true;
    outb(UART_IER, IER_THR_EMPTY);
}

void uart_drop(void)
{
    inb(UART_IIR);
    outb(UART_IER, 0);
    uart_is_up = false;
}

static void pit_load(uint8_t mode, uint16_t clocks)
{
    outb(0x43, mode);
    outb(0x40, (uint8_t)clocks);
    outb(0x40, (uint8_t)(clocks >> 8));
}

void pit_once(uint16_t clocks) { pit_load(0x30, clocks); }
void pit_rate(uint16_t clocks) { pit_load(0x34, clocks); }

/* Mode 0 waits for its count with its output down. */
void pit_stop(void) { outb(0x43, 0x30); }

uint8_t rtc_read(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

void rtc_write(uint8_t index, uint8_t value)
{
    outb(0x70, index);
    outb(0x71, value);
}

void rtc_rate(uint8_t code)
{
    uint8_t quiet = rtc_read(0x0b) & 0x0f;
    rtc_write(0x0b, quiet);
    rtc_write(0x0a, 0x20 | (code ? code : 6));
    rtc_read(0x0c);
    if (code)
        rtc_write(0x0b, quiet | 0x40);
}

static void initialize(uint16_t chip, uint8_t vector, uint8_t cascade)
{
    outb(chip, 0x11);
    outb(chip + 1, vector);
    outb(chip + 1, cascade);
    outb(chip + 1, 0x01);
}

void i8259_start(void)
{
    initialize(MASTER, PIC_BASE, 1 << 2);
    initialize(SLAVE, PIC_BASE + 8, 2);
    outb(ELCR, 0);
    outb(ELCR + 1, 0);
    i8259_mask(0xffff);
}

void i8259_mask(uint16_t masked)
{
    outb(MASTER + 1, (uint8_t)masked);
    outb(SLAVE + 1, (uint8_t)(masked >> 8));
}

uint8_t i8259_irr(uint16_t chip)
{
    outb(chip, 0x0a);
    return inb(chip);
}

uint8_t i8259_isr(uint16_t chip)
{
    outb(chip, 0x0b);
    return inb(chip);
}

void i8259_eoi(uint8_t irq)
{
    if (irq >= 8)
        outb(SLAVE, 0x20);
    outb(MASTER, 0x20);
}

void wires_baseline(void)
{
    uint32_t pins = ioapic_pins();
    for (uint32_t pin = 0; pin < pins && pins <= 64; pin++)
        pin_set(pin, 0, PIN_MASKED);
    uart_drop();
    pit_stop();
    rtc_rate(0);
    i8259_start();
}
