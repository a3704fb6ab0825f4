/* How long an interrupt takes to its handler.
 *
 * kind=device: whoever runs the machine sends a byte to the first serial port
 * and takes the time until one appears at the debug console, where the handler
 * writes it first of all. Each byte awaited is announced by a prompt there.
 * kind=deadline: this guest sets its local APIC's timer to a millisecond and
 * takes the time itself. Both ways go through the local APIC, the first through
 * the I/O APIC as well, as in a kernel of today. Specification: README.md beside
 * this file, Intel SDM volume 3A, chapter "APIC", 82093AA data sheet.
 * Deliberately absent: waiting busily, which no kernel does. */
#include "debugcon.h"
#include "irq.h"
#include "idt.h"
#include "lapic.h"
#include "option.h"
#include "pic.h"
#include "ports.h"
#include "print.h"
#include "serial.h"
#include <stdbool.h>

#define STATUS_UNKNOWN 63
#define STATUS_NO_CLOCK 62

#define VECTOR 0x60
#define IO_APIC_SELECT ((volatile uint32_t *)0xfec00000)
#define IO_APIC_WINDOW ((volatile uint32_t *)0xfec00010)
#define REDIRECTION 0x10
#define MASKED 0x10000

#define DIVIDE_BY_1 0xb
#define MILLISECOND 1000000u            /* of a timer at 1 GHz */

#define DEBUG_CONSOLE 0xe9
#define PM_TIMER 0xb008
#define PM_TIMER_HZ 3579545u
#define PM_TIMER_MASK 0xffffffu
#define MAX_ROUNDS 10000

extern const uintptr_t irq_stubs[];

static uint32_t late[MAX_ROUNDS], rounds, armed, per_ms;

static uint32_t rdtsc_low(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    (void)high;
    return low;
}

static void on_device(void)
{
    outb(DEBUG_CONSOLE, '!');
    while (inb(UART_LSR) & LSR_RECEIVED)
        inb(UART_RBR);
    *lapic(LAPIC_EOI) = 0;
    rounds++;
}

static void on_deadline(void)
{
    late[rounds++] = rdtsc_low() - armed;
    *lapic(LAPIC_EOI) = 0;
}

/* The stub of a line that the 8259 pair keeps masked serves this vector. */
static void handle(uint8_t line, void (*handler)(void))
{
    irq_start();
    irq_handle(line, handler);
    idt_set(VECTOR, irq_stubs[line]);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

static int device(uint32_t count)
{
    handle(COM1_IRQ, on_device);
    *IO_APIC_SELECT = REDIRECTION + 2 * COM1_IRQ + 1;
    *IO_APIC_WINDOW = 0;
    *IO_APIC_SELECT = REDIRECTION + 2 * COM1_IRQ;
    *IO_APIC_WINDOW = VECTOR;
    serial_start();
    outb(UART_IER, IER_RECEIVED);
    outb(UART_FCR, 0);                  /* each byte is an interrupt */
    while (rounds < count) {
        uint32_t before = rounds;
        outb(DEBUG_CONSOLE, '>');
        while (rounds == before)
            wait_for_interrupt();
    }
    return 0;
}

/* Counts of the time stamp counter in a millisecond, by the PM timer; 0 where
 * there is none. */
static uint32_t measure_ms(void)
{
    uint32_t start = inl(PM_TIMER), tsc = rdtsc_low();
    if (start == 0xffffffffu)
        return 0;
    while (((inl(PM_TIMER) - start) & PM_TIMER_MASK) < PM_TIMER_HZ / 20)
        ;
    return (rdtsc_low() - tsc) / 50;
}

static void sort(uint32_t *values, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2)
        for (uint32_t i = gap; i < count; i++)
            for (uint32_t j = i; j >= gap && values[j - gap] > values[j]; j -= gap) {
                uint32_t value = values[j];
                values[j] = values[j - gap];
                values[j - gap] = value;
            }
}

/* Microseconds that the handler of a deadline came late. */
static uint32_t late_us(uint32_t permille)
{
    uint32_t index = rounds * permille / 1000, counts = late[index < rounds ? index : rounds - 1];
    return counts < per_ms ? 0 : (counts - per_ms) / (per_ms / 1000);
}

static int deadline(uint32_t count)
{
    if (count > MAX_ROUNDS || !(per_ms = measure_ms()))
        return STATUS_NO_CLOCK;
    handle(0, on_deadline);
    *lapic(LAPIC_DIVIDE) = DIVIDE_BY_1;
    *lapic(LAPIC_TIMER) = VECTOR;
    while (rounds < count) {
        uint32_t before = rounds;
        armed = rdtsc_low();
        *lapic(LAPIC_INITIAL_COUNT) = MILLISECOND;
        while (rounds == before)
            wait_for_interrupt();
    }
    *lapic(LAPIC_TIMER) = MASKED;
    sort(late, rounds);
    print("late by us: median %u p99 %u most %u\n", late_us(500), late_us(990), late_us(1000));
    serial_drain();
    return 0;
}

int guest_main(const struct hvm_start_info *info)
{
    uint32_t count = option_number(option(info, "count"), 1000);
    const char *kind = option(info, "kind");

    serial_start();
    if (!kind || option_is(kind, "deadline"))
        return deadline(count);
    if (option_is(kind, "device"))
        return device(count);
    return STATUS_UNKNOWN;
}
