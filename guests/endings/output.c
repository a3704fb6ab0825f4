/* Endings that are about what the guest says before it ends.
 *
 * Byte i of a flood is i % 251: a prime, so that a lost, doubled or displaced
 * block of any usual size shows. The flood that does not poll relies on a port
 * that takes bytes as fast as they are written, as a virtual one does.
 * Specification: the Linux kernel's kernel/panic.c for the texts. Deliberately
 * absent: recognizing which kernel speaks, so a monitor must not believe it. */
#include "debugcon.h"
#include "endings.h"
#include "leave.h"
#include "option.h"
#include "ports.h"
#include "print.h"
#include "serial.h"

#define PERIOD 251
#define LETTERS 16                      /* a to p; a block has whole rounds of them */
#define BLOCK (16 * PERIOD)

static int flood(const char *argument, char first, uint32_t period, void (*send)(const char *bytes, uint32_t count))
{
    static char block[BLOCK];
    uint32_t left = option_number(argument, 65536);

    for (uint32_t i = 0; i < BLOCK; i++)
        block[i] = (char)(first + i % period);
    while (left > 0) {
        uint32_t part = left < BLOCK ? left : BLOCK;
        send(block, part);
        left -= part;
    }
    serial_drain();
    return 0;
}

static void send_unpolled(const char *bytes, uint32_t count)
{
    outsb(UART_THR, bytes, count);
}

int end_flood(const struct hvm_start_info *info, const char *argument)
{
    (void)info;
    return flood(argument, 0, PERIOD, send_unpolled);
}

int end_flood_poll(const struct hvm_start_info *info, const char *argument)
{
    (void)info;
    return flood(argument, 0, PERIOD, serial_write);
}

int end_long_line(const struct hvm_start_info *info, const char *argument)
{
    (void)info;
    return flood(argument, 'a', LETTERS, send_unpolled);
}

int end_debugcon(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    if (!debugcon_present())
        return STILL_RUNNING;
    debugcon_write("endings: a first line to the debug console\n");
    debugcon_write("endings: a second line to the debug console\n");
    return 0;
}

int end_panic_text(const struct hvm_start_info *info, const char *argument)
{
    print("[    1.234567] Kernel panic - not syncing: test\n");
    print("---[ end Kernel panic - not syncing: test ]---\n");
    serial_drain();
    return end_spin(info, argument);
}

int end_panic_text_halt(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    print("[    1.234567] Kernel panic - not syncing: test\n");
    serial_drain();
    halt();
}
