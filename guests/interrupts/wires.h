/* Sources of interrupts that the guest holds by hand, and where their wires end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* IO-APIC. */
#define IOAPIC_ADDRESS 0xfec00000u

enum {
    IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_ARBITRATION = 2, IOAPIC_ENTRY = 0x10,
    PIN_LOWEST = 0x100, PIN_NMI = 0x400, PIN_EXTINT = 0x700, PIN_LOGICAL = 0x800, PIN_LOW = 0x2000, PIN_REMOTE_IRR = 0x4000,
    PIN_LEVEL = 0x8000, PIN_MASKED = 0x10000,
};

/* Pins that this machine's devices are on, by its override of IRQ 0. */
enum { INTR_PIN = 0, PIT_PIN = 2, UART_PIN = 4, RTC_PIN = 8 };

uint32_t ioapic_read(uint32_t index);
void ioapic_write(uint32_t index, uint32_t value);
uint32_t ioapic_pins(void);

/* Version 0x20 and up has an EOI register. */
bool ioapic_has_eoi(void);
void ioapic_eoi(uint8_t vector);

/* An entry: the destination, then the rest. */
void pin_set(uint32_t pin, uint32_t destination, uint32_t low);
uint32_t pin_get(uint32_t pin);

/* The first serial port's wire: up while the port has an empty transmitter to tell of. Nothing is printed while it is up. */
void uart_raise(void);
void uart_drop(void);
extern volatile bool uart_is_up;

/* Channel 0 of the 8254: one rise of its wire so many of its clocks from now; a rate; silence, with the wire down. */
#define PIT_HZ 1193182u
void pit_once(uint16_t clocks);
void pit_rate(uint16_t clocks);
void pit_stop(void);

/* The clock's registers. */
uint8_t rtc_read(uint8_t index);
void rtc_write(uint8_t index, uint8_t value);

/* Periodic interrupts, 32768 >> (code - 1) a second; 0 stops them. */
void rtc_rate(uint8_t code);

/* The 8259 pair. */
enum { PIC_BASE = 0x40 };               /* its vectors here, so that IRQ 8 is 0x48 */
void i8259_start(void);
void i8259_mask(uint16_t masked);
uint8_t i8259_irr(uint16_t chip);
uint8_t i8259_isr(uint16_t chip);
void i8259_eoi(uint8_t irq);
enum { MASTER = 0x20, SLAVE = 0xa0, ELCR = 0x4d0 };

/* All masked and silent. */
void wires_baseline(void);
