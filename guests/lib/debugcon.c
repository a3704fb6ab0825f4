/* The debug console of Bochs and QEMU at port 0xe9.
 *
 * It has no state and no back pressure; reading it returns its own port
 * number, where an absent port reads 0xff. Specification: QEMU
 * hw/char/debugcon.c. Deliberately absent: everything else. */
#include "debugcon.h"
#include "ports.h"

#define DEBUGCON 0xe9

bool debugcon_present(void)
{
    return inb(DEBUGCON) == DEBUGCON;
}

void debugcon_write(const char *text)
{
    for (; *text != '\0'; text++)
        outb(DEBUGCON, (uint8_t)*text);
}
