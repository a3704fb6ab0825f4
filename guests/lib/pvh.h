/* The start info that a PVH loader hands to its kernel in EBX.
 *
 * Every pointer is a 64-bit guest-physical address and 0 means absent; a
 * 32-bit guest can follow those below 4 GiB only, which is where loaders put
 * them. Specification: Xen's public header xen/interface/hvm/start_info.h.
 * Deliberately absent: version 0, which has no memory map. */
#pragma once
#include <stdint.h>

#define START_INFO_MAGIC 0x336ec578u

struct hvm_start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t nr_modules;
    uint64_t modlist_paddr;
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr;
    uint32_t memmap_entries;
    uint32_t reserved;
};

struct hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
};

enum memory_type {
    MEMORY_RAM = 1,
    MEMORY_RESERVED,
    MEMORY_ACPI,
    MEMORY_ACPI_NVS,
    MEMORY_UNUSABLE,
    MEMORY_DISABLED,
    MEMORY_PERSISTENT,
};

struct hvm_memmap_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

_Static_assert(sizeof(struct hvm_start_info) == 56, "start info, version 1");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "module list entry");
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "memory map entry");

/* What PVH calls a physical address, as a pointer: paging is off. */
static inline const void *physical(uint64_t address)
{
    return (const void *)(uintptr_t)address;
}

/* Each guest's C entry; what it returns is the status it ends with. */
int guest_main(const struct hvm_start_info *info);
