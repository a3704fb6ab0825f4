/* The local APIC in virtual-wire mode.
 *
 * LINT0 as ExtINT lets the 8259 pair interrupt the processor. Firmware leaves
 * it so, and KVM resets to it, but QEMU's PVH entry leaves LINT0 masked.
 * Specification: Intel SDM volume 3A, chapter "APIC". Deliberately absent: the
 * x2APIC, the timer, the I/O APIC. */
#include "lapic.h"

#define SPURIOUS_VECTOR 0xff
#define SOFTWARE_ENABLE 0x100
#define DELIVER_EXTINT 0x700

void lapic_virtual_wire(void)
{
    /* In this order: while the APIC is off its entries stay masked. */
    *lapic(LAPIC_SPURIOUS) = SOFTWARE_ENABLE | SPURIOUS_VECTOR;
    *lapic(LAPIC_LINT0) = DELIVER_EXTINT;
}
