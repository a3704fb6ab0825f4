/* Sends back every byte that the serial port receives, all by interrupt.
 *
 * One ring joins receiver and transmitter. While it is full the receive buffer
 * is not read and its interrupt is off, so that a port with flow control loses
 * nothing; while it is empty the transmit interrupt is off, and switching it
 * on raises it at once, because the holding register is empty. The line is
 * edge-triggered: the handler stays until the port has nothing more to say.
 * Specification: National Semiconductor PC16550D. Deliberately absent: line
 * errors, modem signals. */
#include "irq.h"
#include "option.h"
#include "ports.h"
#include "print.h"
#include "serial.h"

#define RING 65536u             /* a power of two: its indexes wrap around */
#define END_OF_TRANSMISSION 0x04
#define NO_LIMIT 0xffffffffu

static uint8_t ring[RING];
static uint32_t received, sent; /* bytes so far, modulo 2^32 */
static uint32_t limit;          /* end after so many bytes, or NO_LIMIT */
static bool ended;              /* nothing more is to be received */
static uint8_t enabled;         /* the interrupt enable register */

static bool may_receive(void)
{
    return !ended && received - sent < RING;
}

static void receive(void)
{
    while (may_receive() && (inb(UART_LSR) & LSR_RECEIVED)) {
        uint8_t byte = inb(UART_RBR);
        if (limit == NO_LIMIT && byte == END_OF_TRANSMISSION) {
            ended = true;
        } else {
            ring[received++ % RING] = byte;
            ended = received == limit;
        }
    }
}

/* The transmit interrupt means an empty FIFO, which takes 16 bytes. */
static void transmit(void)
{
    for (uint32_t i = 0; i < UART_FIFO && sent != received; i++)
        outb(UART_THR, ring[sent++ % RING]);
}

static void enable_what_is_wanted(void)
{
    uint8_t wanted = (uint8_t)((may_receive() ? IER_RECEIVED : 0)
                             | (sent != received ? IER_THR_EMPTY : 0));
    if (wanted != enabled) {
        enabled = wanted;
        outb(UART_IER, enabled);
    }
}

static void on_serial(void)
{
    for (;;) {
        uint8_t source = inb(UART_IIR) & IIR_SOURCE;
        if (source & IIR_NONE)
            break;
        if (source == IIR_RECEIVED || source == IIR_TIMEOUT)
            receive();
        else if (source == IIR_THR_EMPTY)
            transmit();
        enable_what_is_wanted();
    }
}

int guest_main(const struct hvm_start_info *info)
{
    const char *count = option(info, "count");
    limit = count ? option_number(count, 0) : NO_LIMIT;
    ended = limit == 0;

    serial_start();
    irq_start();
    irq_handle(COM1_IRQ, on_serial);
    print("echo: ready\n");
    serial_drain();

    enable_what_is_wanted();
    while (!ended || sent != received)
        wait_for_interrupt();
    serial_drain();
    return 0;
}
