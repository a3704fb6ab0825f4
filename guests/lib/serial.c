/* Polled output on the first serial port, a 16550A at 0x3f8.
 *
 * "Transmitter holding register empty" means that the whole FIFO is empty, so
 * one poll allows a burst of 16 bytes: half the port accesses of a poll for
 * each, and on a virtual machine each costs an exit. Specification: National
 * Semiconductor PC16550D. Deliberately absent: input, and output by interrupt
 * (see echo). A machine without the port reads all ones, and nothing hangs. */
#include "serial.h"
#include "ports.h"

#define LCR_8N1 0x03
#define LCR_DIVISOR 0x80        /* THR and IER are the divisor latch */
#define MCR_DTR_RTS_OUT2 0x0b   /* OUT2 lets the interrupt line through */
#define FCR_ON_CLEAR_TRIGGER_8 0x87

void serial_start(void)
{
    outb(UART_IER, 0);
    outb(UART_LCR, LCR_DIVISOR);
    outb(COM1 + 0, 1);          /* 115200 / 1 */
    outb(COM1 + 1, 0);
    outb(UART_LCR, LCR_8N1);
    outb(UART_FCR, FCR_ON_CLEAR_TRIGGER_8);
    outb(UART_MCR, MCR_DTR_RTS_OUT2);
}

void serial_write(const char *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i % UART_FIFO == 0)
            while (!(inb(UART_LSR) & LSR_THR_EMPTY))
                ;
        outb(UART_THR, (uint8_t)bytes[i]);
    }
}

void serial_drain(void)
{
    while (!(inb(UART_LSR) & LSR_IDLE))
        ;
}
