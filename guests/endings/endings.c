/* A guest that ends in the way its command line names, end=NAME.
 *
 * It exists to show that each way a machine can stop, or fail to, is told
 * apart. It first prints "endings: NAME", except where the output itself is
 * the test. An ending that had no effect is reported with status 62, an
 * unknown name with status 63. Specification: README.md beside this file.
 * Deliberately absent: endings that need ACPI or a hypercall. */
#include "endings.h"
#include "option.h"
#include "print.h"
#include "serial.h"

#define STATUS_UNKNOWN 63

static int end_poweroff(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    return 0;
}

static int end_status(const struct hvm_start_info *info, const char *argument)
{
    (void)info;
    return (int)option_number(argument, 0);
}

static const struct {
    const char *name;
    ending *end;
    bool silent;
} endings[] = {
    { "poweroff", end_poweroff, false },
    { "status", end_status, false },
    { "halt", end_halt, false },
    { "halt-loop", end_halt_loop, false },
    { "halt-sti", end_halt_sti, false },
    { "idle", end_idle, false },
    { "spin", end_spin, false },
    { "spin-out", end_spin_out, false },
    { "triple", end_triple, false },
    { "reset-kbc", end_reset_kbc, false },
    { "reset-cf9", end_reset_cf9, false },
    { "pvpanic", end_pvpanic, false },
    { "watchdog", end_watchdog, false },
    { "watchdog-stop", end_watchdog_stop, false },
    { "flood", end_flood, true },
    { "flood-poll", end_flood_poll, true },
    { "long-line", end_long_line, true },
    { "debugcon", end_debugcon, false },
    { "panic-text", end_panic_text, false },
    { "panic-text-halt", end_panic_text_halt, false },
    { "bad-instruction", end_bad_instruction, false },
    { "task-switch", end_task_switch, false },
    { "mmio-unclaimed", end_mmio_unclaimed, false },
    { "cpus", end_cpus, false },
};

int guest_main(const struct hvm_start_info *info)
{
    const char *wanted = option(info, "end");

    serial_start();
    for (uint32_t i = 0; wanted && i < sizeof endings / sizeof endings[0]; i++) {
        const char *argument = option_after(wanted, endings[i].name);
        bool with_argument = argument && *argument == ':';
        if (!with_argument && !option_is(wanted, endings[i].name))
            continue;

        if (!endings[i].silent) {
            print("endings: %s\n", endings[i].name);
            serial_drain();
        }
        int status = endings[i].end(info, with_argument ? argument + 1 : 0);
        if (status != STILL_RUNNING)
            return status;
        print("endings: %s had no effect\n", endings[i].name);
        return STATUS_NO_EFFECT;
    }

    print("endings: end= must name one of");
    for (uint32_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        print(" %s", endings[i].name);
    print("\n");
    return STATUS_UNKNOWN;
}
