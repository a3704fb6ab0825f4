/* The guest that judges interrupt controllers and timers from inside. */
#include "check.h"
#include "apic.h"
#include "option.h"
#include "sections.h"
#include "serial.h"
#include "tap.h"
#include "wires.h"

#define STATUS_UNKNOWN 63

uint32_t rounds = 100000;

static const struct { const char *name; void (*test)(void); } sections[] = {
    { "registers", test_registers },
    { "priority", test_priority },
    { "ipi", test_ipi },
    { "nmi", test_nmi },
    { "startup", test_startup },
    { "modes", test_modes },
    { "x2apic", test_x2apic },
    { "ioapic", test_ioapic },
    { "levels", test_levels },
    { "pic", test_pic },
    { "extint", test_extint },
    { "apic_timer", test_apic_timer },
    { "pit", test_pit },
    { "rtc", test_rtc },
    { "hpet", test_hpet },
    { "clocks", test_clocks },
    { "storms", test_storms },
    { "hunts", test_hunts },
    { "restart", test_restart },        /* last, as a processor may be lost by it */
};

/* Whether a list of names, with commas between, has this one. */
static bool lists(const char *list, const char *name)
{
    while (list && *list && *list != ' ') {
        const char *rest = option_after(list, name);
        if (rest && (*rest == ',' || *rest == ' ' || *rest == '\0'))
            return true;
        while (*list && *list != ' ' && *list++ != ',')
            ;
    }
    return false;
}

int guest_main(const struct hvm_start_info *info)
{
    serial_start();
    machine_start();

    /* The trampoline may go where the loader put the command line, so that is read before. */
    const char *wanted = option(info, "section"), *left_out = option(info, "leave-out");
    bool selected[sizeof sections / sizeof sections[0]], known = false;
    for (uint32_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        selected[i] = (!wanted || lists(wanted, sections[i].name)) && !lists(left_out, sections[i].name);
        known |= selected[i];
    }
    uint32_t expected = option_number(option(info, "cpus"), 0);
    rounds = option_number(option(info, "rounds"), rounds);
    patience = option_number(option(info, "patience"), patience / 1000) * 1000;
    acpi_start(info);
    if (!known)
        return STATUS_UNKNOWN;

    check_section("machine");
    if (check(time_start(), "the time stamp counter counts while the 8254 does")) {
        wires_baseline();
        apic_baseline();
        cpus_start(expected);
        baseline();
        note("%u processors, TSC of %u MHz, %u rounds", cpu_count, (uint32_t)(tsc_hz / 1000000), rounds);
        check(expected == 0 || expected == cpu_count, "every processor starts");
        for (uint32_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
            if (!selected[i])
                continue;
            check_section(sections[i].name);
            uint64_t began = tsc();
            sections[i].test();
            baseline();
            note("%u ms", (uint32_t)((tsc() - began) / (tsc_hz / 1000)));
        }
    }
    int status = tap_end();
    serial_drain();
    return status;
}
