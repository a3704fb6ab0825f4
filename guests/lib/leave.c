/* Leaving the machine: the exit port, or a halt that nothing ends.
 *
 * A write of v to port 0xf4 ends hvrun with status v, QEMU's isa-debug-exit
 * with 2v+1. It is written as a doubleword, so that a status above 255 arrives
 * whole. Specification: QEMU hw/misc/debugexit.c. Deliberately absent: ACPI
 * power-off, for which a guest would have to interpret the DSDT. */
#include "leave.h"
#include "ports.h"

#define EXIT_PORT 0xf4

void halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void leave(uint32_t status)
{
    outl(EXIT_PORT, status);
    halt();     /* the machine has no exit port */
}
