/* The first serial port: its registers, and polled output. */
#pragma once
#include <stdint.h>

enum {
    COM1 = 0x3f8,
    COM1_IRQ = 4,

    UART_RBR = COM1,            /* read: received byte */
    UART_THR = COM1,            /* write: byte to send */
    UART_IER = COM1 + 1,
    UART_IIR = COM1 + 2,        /* read */
    UART_FCR = COM1 + 2,        /* write */
    UART_LCR = COM1 + 3,
    UART_MCR = COM1 + 4,
    UART_LSR = COM1 + 5,

    IER_RECEIVED = 0x01,
    IER_THR_EMPTY = 0x02,

    IIR_NONE = 0x01,
    IIR_SOURCE = 0x0f,
    IIR_THR_EMPTY = 0x02,
    IIR_RECEIVED = 0x04,
    IIR_TIMEOUT = 0x0c,

    LSR_RECEIVED = 0x01,
    LSR_THR_EMPTY = 0x20,
    LSR_IDLE = 0x40,

    UART_FIFO = 16,
};

/* 115200 baud, 8 data bits, no parity, FIFOs on, interrupts off. */
void serial_start(void);

void serial_write(const char *bytes, uint32_t count);

/* Waits until the last byte has left the transmitter. */
void serial_drain(void);
