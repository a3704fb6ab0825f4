/* Where ACPI says that its PM timer is.
 *
 * The RSDP is the loader's, or in the BIOS area; the FADT names the port. A table
 * counts only if it lies below 4 GiB. Specification: ACPI 6.5, 5.2. Deliberately
 * absent: every other table; checksums, which the loader's firmware has made. */
#include "sections.h"
#include <stdbool.h>

uint16_t pm_timer_port;
uint32_t pm_timer_bits;

static uint32_t get32(uint64_t address) { return *(const volatile uint32_t *)(uintptr_t)address; }
static uint64_t get64(uint64_t address) { return get32(address) | (uint64_t)get32(address + 4) << 32; }

static bool has_signature(uint64_t address)
{
    return get32(address) == 0x20445352 && get32(address + 4) == 0x20525450;     /* "RSD PTR " */
}

static uint64_t find_rsdp(const struct hvm_start_info *info)
{
    if (info->version >= 1 && info->rsdp_paddr != 0 && has_signature(info->rsdp_paddr))
        return info->rsdp_paddr;
    for (uint64_t address = 0xe0000; address < 0x100000; address += 16)
        if (has_signature(address))
            return address;
    return 0;
}

static void read_fadt(uint64_t fadt)
{
    pm_timer_port = (uint16_t)get32(fadt + 76);
    pm_timer_bits = get32(fadt + 112) & 0x100 ? 32 : 24;
}

void acpi_start(const struct hvm_start_info *info)
{
    uint64_t rsdp = find_rsdp(info);
    if (rsdp == 0)
        return;
    bool extended = (get32(rsdp + 12) >> 24) >= 2 && get64(rsdp + 24) != 0;
    uint64_t root = extended ? get64(rsdp + 24) : get32(rsdp + 16);
    uint32_t width = extended ? 8 : 4;
    for (uint64_t entry = root + 36, end = root + get32(root + 4); entry + width <= end; entry += width) {
        uint64_t table = extended ? get64(entry) : get32(entry);
        if (table < 1ull << 32 && get32(table) == 0x50434146)                    /* "FACP" */
            read_fadt(table);
    }
}
