/* The guest to show: what a PVH kernel is given, and ten timer ticks.
 *
 * It prints its start info as a table, lets the 8254 interrupt it ten times
 * and ends through the exit port. The table is plain ASCII within 78 columns,
 * for every terminal. Specification: Xen docs/misc/pvh and start_info.h.
 * Deliberately absent: judging what it prints, which is boot-state's task. */
#include "irq.h"
#include "option.h"
#include "print.h"
#include "serial.h"
#include "tick.h"

#define WIDTH 72                /* between the borders */
#define LABEL 16                /* a row's first column */
#define TICKS 10

static void rule(void)
{
    print("+--");
    for (int i = 0; i < WIDTH; i++)
        print("-");
    print("--+\n");
}

static void line(const char *text)
{
    print("|  %-*s  |\n", WIDTH, text);
}

/* A line of a label, or "" to continue the one above, and a text. */
static void __attribute__((format(printf, 2, 3)))
row(const char *label, const char *format, ...)
{
    char text[WIDTH + 1];
    uint32_t used = print_to(text, sizeof text, "%-*s", LABEL, label);
    va_list arguments;
    va_start(arguments, format);
    vprint_to(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    line(text);
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [MEMORY_RAM] = "RAM",
        [MEMORY_RESERVED] = "reserved",
        [MEMORY_ACPI] = "ACPI tables",
        [MEMORY_ACPI_NVS] = "ACPI NVS",
        [MEMORY_UNUSABLE] = "unusable",
        [MEMORY_DISABLED] = "disabled",
        [MEMORY_PERSISTENT] = "persistent",
    };
    bool known = type >= MEMORY_RAM && type <= MEMORY_PERSISTENT;
    return known ? names[type] : "unknown type";
}

/* The size in the largest unit that leaves it a whole number. */
static const char *human(uint64_t size, char text[16])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    uint32_t unit = 0;
    while (size != 0 && (size & 1023) == 0 && unit < 4) {
        size >>= 10;
        unit++;
    }
    while (size >> 32 != 0 && unit < 4) {       /* too odd for whole numbers */
        size >>= 10;
        unit++;
    }
    print_to(text, 16, "%u %s", (uint32_t)size, units[unit]);
    return text;
}

static void show_command_line(const struct hvm_start_info *info)
{
    const char *rest = command_line(info), *label = "command line";
    if (*rest == '\0')
        row(label, "none");
    while (*rest != '\0') {
        char part[WIDTH - LABEL + 1];
        uint32_t length = print_to(part, sizeof part, "%s", rest);
        row(label, "%s", part);
        rest += length;
        label = "";
    }
}

static void show_modules(const struct hvm_start_info *info)
{
    const struct hvm_modlist_entry *module = physical(info->modlist_paddr);
    char size[16];

    row("modules", info->nr_modules == 0 ? "none" : "%u", info->nr_modules);
    for (uint32_t i = 0; i < info->nr_modules; i++, module++)
        row("", "0x%08llx  %s", module->paddr, human(module->size, size));
}

static void show_memory_map(const struct hvm_start_info *info)
{
    const struct hvm_memmap_entry *range = physical(info->memmap_paddr);
    uint64_t ram = 0;
    char size[16];

    row("memory map", "%-12s  %-12s  %9s  %s", "first", "last", "size", "type");
    for (uint32_t i = 0; i < info->memmap_entries; i++, range++) {
        row("", "0x%010llx  0x%010llx  %9s  %s", range->addr,
            range->addr + range->size - (range->size != 0),
            human(range->size, size), type_name(range->type));
        if (range->type == MEMORY_RAM)
            ram += range->size;
    }
    row("RAM in all", "%s", human(ram & ~(uint64_t)1023, size));
}

int guest_main(const struct hvm_start_info *info)
{
    serial_start();
    rule();
    line("Hello from inside a virtual machine.");
    line("This is a 32-bit kernel of its own, entered through PVH.");
    rule();
    row("start info", "0x%08x", (uint32_t)(uintptr_t)info);
    row("  magic", "0x%08x%s", info->magic,
        info->magic == START_INFO_MAGIC ? "" : ", which is wrong");
    row("  version", "%u", info->version);
    row("  flags", "0x%x", info->flags);
    show_command_line(info);
    show_modules(info);
    if (info->rsdp_paddr != 0)
        row("ACPI RSDP", "0x%08llx", info->rsdp_paddr);
    else
        row("ACPI RSDP", "none");
    rule();
    show_memory_map(info);
    rule();

    irq_start();
    tick_start();
    while (ticks() < TICKS)
        wait_for_interrupt();
    print("timer: %u ticks of %u ms by IRQ %u\n", TICKS, 1000 / TICKS_PER_SECOND, TICK_IRQ);
    print("demo: ends with status 0\n");
    serial_drain();
    return 0;
}
