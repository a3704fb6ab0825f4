/* The memory map, entry by entry, and whether its RAM is RAM.
 *
 * Sorted and disjoint is what kernels are spared to see to themselves, and 126
 * entries what Linux has room for. The ends of each RAM range below 4 GiB must
 * keep what is written to them. Specification: Xen's start_info.h. Deliberately
 * absent: RAM above 4 GiB, which needs paging to reach, and a full memory
 * test. */
#include "boot_state.h"

#define ENTRIES_MAXIMUM 126
#define FOUR_GIB (1ull << 32)
#define LOCAL_APIC 0xfee00000u

struct region region(const char *name, uint64_t address, uint64_t size)
{
    return (struct region){ name, address, address + size - (size != 0) };
}

bool overlap(struct region left, struct region right)
{
    return left.first <= right.last && right.first <= left.last;
}

bool in_map(const struct hvm_start_info *info, struct region region, bool ram_only)
{
    const struct hvm_memmap_entry *entry = physical(info->memmap_paddr);
    for (uint32_t i = 0; i < info->memmap_entries; i++, entry++) {
        bool memory = entry->type == MEMORY_RAM
            || (!ram_only && entry->type >= MEMORY_RESERVED && entry->type <= MEMORY_ACPI_NVS);
        if (memory && entry->size != 0 && region.first >= entry->addr
            && region.last <= entry->addr + (entry->size - 1))
            return true;
    }
    return false;
}

/* The words tried may be in use, by this very function's caller: each is put
 * back at once. */
static bool keeps(uint64_t address)
{
    volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)(address & ~3ull);
    uint32_t before = *word, wanted = ~before ^ (uint32_t)address;
    *word = wanted;
    bool kept = *word == wanted;
    *word = before;
    return kept;
}

#define STRAY "ends its map with an empty entry"

void check_memory_map(const struct hvm_start_info *info)
{
    const struct hvm_memmap_entry *entry = physical(info->memmap_paddr);
    bool sizes = true, types = true, reserved = true, sorted = true, disjoint = true, ram = true;

    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        const struct hvm_memmap_entry e = entry[i];
        const struct region here = region("", e.addr, e.size);
        tap_note("memory 0x%016llx size 0x%016llx type %u", e.addr, e.size, e.type);

        sizes = sizes && e.size != 0 && here.last >= here.first;
        types = types && e.type >= MEMORY_RAM && e.type <= MEMORY_PERSISTENT;
        reserved = reserved && e.reserved == 0;
        sorted = sorted && (i == 0 || e.addr > entry[i - 1].addr);
        for (uint32_t j = 0; j < i && e.size != 0; j++)
            disjoint = disjoint && !overlap(here, region("", entry[j].addr, entry[j].size));
        if (e.type == MEMORY_RAM && e.size >= 4 && here.last < FOUR_GIB)
            ram = ram && keeps(here.first + 3) && keeps(here.last - 3);
    }

    must(info->memmap_entries <= ENTRIES_MAXIMUM, "memory map: at most %u entries (%u)",
         ENTRIES_MAXIMUM, info->memmap_entries);
    must_but_qemu(sizes, STRAY, "memory map: no range is empty or passes the end of 64 bits");
    must_but_qemu(types, STRAY, "memory map: every type is known");
    must(reserved, "memory map: the reserved fields are zero");
    must_but_qemu(sorted, STRAY, "memory map: sorted by address");
    must(disjoint, "memory map: no two ranges overlap");
    must(ram, "memory map: the ends of RAM keep what is written");
    must(in_map(info, image_region(), true), "memory map: the image is in RAM");
    must(!in_map(info, region("", LOCAL_APIC, 4096), true),
         "memory map: the local APIC is not in RAM");
}
