/* A tight loop of accesses that leave the guest: what an exit costs.
 *
 * count=N accesses of kind=out (a byte to port 0x80), in (a byte from it), mmio
 * (a doubleword to unclaimed memory) or apic (a doubleword to the task priority
 * of the local APIC), then status 0. Nothing is printed,
 * so that nothing else is measured. Specification: README.md beside this file.
 * Deliberately absent: taking the time, which is the host's business. */
#include "option.h"
#include "ports.h"

#define POST_CODE 0x80
#define UNCLAIMED_MEMORY 0xd0000000u
#define TASK_PRIORITY 0xfee00080u
#define STATUS_UNKNOWN 63

int guest_main(const struct hvm_start_info *info)
{
    uint32_t count = option_number(option(info, "count"), 100000);
    const char *kind = option(info, "kind");

    if (!kind || option_is(kind, "out")) {
        while (count-- > 0)
            outb(POST_CODE, 0);
    } else if (option_is(kind, "in")) {
        while (count-- > 0)
            inb(POST_CODE);
    } else if (option_is(kind, "mmio")) {
        while (count-- > 0)
            *(volatile uint32_t *)UNCLAIMED_MEMORY = 0;
    } else if (option_is(kind, "apic")) {
        while (count-- > 0)
            *(volatile uint32_t *)TASK_PRIORITY = 0;
    } else {
        return STATUS_UNKNOWN;
    }
    return 0;
}
