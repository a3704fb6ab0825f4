/* The ending that reads where nothing answers.
 *
 * A PC's bus floats high: an address or a port that no device claims reads as
 * all ones in every width, and writes to it are lost. Specification: the PCI
 * Local Bus specification, master abort. With option unclaimed=ports memory is
 * left out, for machines whose unclaimed memory reads as something else.
 * Deliberately absent: unaligned reads and the 64-bit address space. */
#include "endings.h"
#include "option.h"
#include "ports.h"
#include "print.h"

#define UNCLAIMED_MEMORY 0xd0000000u
#define UNCLAIMED_PORT 0x0f00

static uint32_t wrong;

static void all_ones(const char *what, uint32_t bytes, uint32_t value)
{
    bool right = value == 0xffffffffu >> (32 - 8 * bytes);
    print("%s of %u bytes reads 0x%0*x, %s\n", what, bytes, 2 * bytes, value,
          right ? "as it should" : "which is wrong");
    wrong += !right;
}

static void try_memory(void)
{
    all_ones("memory", 1, *(volatile uint8_t *)UNCLAIMED_MEMORY);
    all_ones("memory", 2, *(volatile uint16_t *)UNCLAIMED_MEMORY);
    all_ones("memory", 4, *(volatile uint32_t *)UNCLAIMED_MEMORY);
    *(volatile uint32_t *)UNCLAIMED_MEMORY = 0x12345678;
    all_ones("memory written to", 4, *(volatile uint32_t *)UNCLAIMED_MEMORY);
}

static void try_ports(void)
{
    all_ones("port", 1, inb(UNCLAIMED_PORT));
    all_ones("port", 2, inw(UNCLAIMED_PORT));
    all_ones("port", 4, inl(UNCLAIMED_PORT));
    outl(UNCLAIMED_PORT, 0x12345678);
    all_ones("port written to", 4, inl(UNCLAIMED_PORT));
}

int end_mmio_unclaimed(const struct hvm_start_info *info, const char *argument)
{
    (void)argument;
    if (!option_is(option(info, "unclaimed"), "ports"))
        try_memory();
    try_ports();
    return wrong == 0 ? 0 : 1;
}
