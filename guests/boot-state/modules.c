/* The modules: where they are, and that their bytes arrived.
 *
 * The words modules=N and module-sum=N on the command line say how many there
 * must be, and the sum of the first one's bytes modulo 2^32. Specification:
 * Xen's start_info.h. Deliberately absent: what is in them. */
#include "boot_state.h"
#include "option.h"
#include "print.h"

static uint32_t sum_of_bytes(const struct hvm_modlist_entry *module)
{
    const uint8_t *byte = physical(module->paddr), *end = byte + module->size;
    uint32_t sum = 0;
    while (byte != end)
        sum += *byte++;
    return sum;
}

static void note_beginning(uint32_t number, const struct hvm_modlist_entry *module)
{
    const uint8_t *bytes = physical(module->paddr);
    char text[16 * 3 + 1] = "";
    for (uint32_t i = 0; i < 16 && i < module->size; i++)
        print_to(text + 3 * i, 4, " %02x", bytes[i]);
    tap_note("module %u at 0x%llx, size 0x%llx:%s", number, module->paddr, module->size, text);
}

static void check_module(const struct hvm_start_info *info, uint32_t number,
                         const struct hvm_modlist_entry *module)
{
    struct region here = region("module", module->paddr, module->size);

    must(here.last >> 32 == 0, "module %u: it is below 4 GiB", number);
    must(!overlap(here, image_region()), "module %u: it is clear of the image", number);
    must(!overlap(here, region("start info", (uintptr_t)info, sizeof *info)),
         "module %u: it is clear of the start info", number);
    must(in_map(info, here, true), "module %u: it is in RAM", number);
    must_but_qemu(module->reserved == 0, "leaves it uninitialized",
                  "module %u: the reserved field is zero", number);
    must((module->paddr & 0xfff) == 0, "module %u: it begins a page", number);
    note_beginning(number, module);
}

void check_modules(const struct hvm_start_info *info)
{
    const struct hvm_modlist_entry *modules = physical(info->modlist_paddr);
    const char *count = option(info, "modules"), *sum = option(info, "module-sum");

    tap_note("%u modules", info->nr_modules);
    if (count)
        must(info->nr_modules == option_number(count, 0),
             "modules: as many as modules= says (%u)", info->nr_modules);
    for (uint32_t i = 0; i < info->nr_modules; i++)
        check_module(info, i, &modules[i]);
    if (sum) {
        uint32_t found = info->nr_modules > 0 ? sum_of_bytes(&modules[0]) : 0;
        must(info->nr_modules > 0 && found == option_number(sum, 0),
             "modules: the first one's bytes add up to module-sum= (%u)", found);
    }
}
