/* The start info itself, and that nothing it points to is in the way.
 *
 * Everything the loader hands over has to lie below 4 GiB, in memory that the
 * map lists, apart from the image and from one another. Specification: Xen's
 * start_info.h. Deliberately absent: the ACPI tables behind the RSDP. */
#include "boot_state.h"
#include "entry.h"
#include "option.h"

#define COMMAND_LINE_MAXIMUM 65536u
#define RSDP_SIZE 36u
#define RSDP_SIZE_REVISION_0 20u

static uint32_t command_line_size;      /* with its NUL; 0 if there is no end */

static void check_command_line(const struct hvm_start_info *info)
{
    const char *text = command_line(info);
    uint32_t length = 0;
    while (length < COMMAND_LINE_MAXIMUM && text[length] != '\0')
        length++;
    must(length < COMMAND_LINE_MAXIMUM, "start info: the command line ends with NUL");
    command_line_size = length < COMMAND_LINE_MAXIMUM ? length + 1 : 0;
    if (command_line_size != 0)
        tap_note("command line: %s", text);
}

static void check_rsdp(const struct hvm_start_info *info)
{
    static const char signature[8] = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' };
    const uint8_t *rsdp = physical(info->rsdp_paddr);
    uint8_t sum = 0;
    bool named = true;

    if (info->rsdp_paddr == 0) {
        tap_note("there is no ACPI");
        return;
    }
    for (uint32_t i = 0; i < sizeof signature; i++)
        named = named && rsdp[i] == (uint8_t)signature[i];
    uint32_t size = rsdp[15] < 2 ? RSDP_SIZE_REVISION_0 : RSDP_SIZE;
    for (uint32_t i = 0; i < size; i++)
        sum += rsdp[i];
    must(named, "start info: the RSDP has its signature");
    must(sum == 0, "start info: the RSDP's checksum is right");
}

static void check_regions(const struct hvm_start_info *info)
{
    const struct region regions[] = {
        region("start info", (uintptr_t)info, sizeof *info),
        region("command line", info->cmdline_paddr, command_line_size),
        region("memory map", info->memmap_paddr,
               info->memmap_entries * sizeof(struct hvm_memmap_entry)),
        region("module list", info->modlist_paddr,
               info->nr_modules * sizeof(struct hvm_modlist_entry)),
        region("RSDP", info->rsdp_paddr, RSDP_SIZE),
        region("GDT", entry_state.gdtr.base, entry_state.gdtr.limit + 1u),
    };
    enum { COUNT = sizeof regions / sizeof regions[0], GDT = COUNT - 1 };

    for (uint32_t i = 0; i < COUNT; i++) {
        const struct region r = regions[i];
        if (r.first == 0)
            continue;
        bool apart = true;
        for (uint32_t j = 0; j < COUNT; j++)
            if (j != i && regions[j].first != 0)
                apart = apart && !overlap(r, regions[j]);
        must(r.last >> 32 == 0, "start info: the %s is below 4 GiB (0x%llx)", r.name, r.first);
        must(!overlap(r, image_region()), "start info: the %s is clear of the image", r.name);
        must(apart, "start info: the %s overlaps nothing else", r.name);
        bool in_memory = in_map(info, r, false);
        if (i == GDT)
            must_but_qemu(in_memory, "leaves its GDT in ROM", "start info: the GDT is in memory");
        else
            must(in_memory, "start info: the %s is in memory", r.name);
    }
}

void check_start_info(const struct hvm_start_info *info)
{
    must(info->version == 1, "start info: version is 1 (%u)", info->version);
    must(info->flags == 0, "start info: flags are zero (0x%x)", info->flags);
    must(info->reserved == 0, "start info: the reserved field is zero");
    must((info->modlist_paddr != 0) == (info->nr_modules != 0),
         "start info: a module list if and only if there are modules");
    must(info->memmap_paddr != 0 && info->memmap_entries != 0,
         "start info: there is a memory map");
    must(((uintptr_t)info & 3) == 0, "start info: it is aligned");
    check_command_line(info);
    check_rsdp(info);
    check_regions(info);
}
