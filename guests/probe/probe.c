/* The probe: short lines on the debug console, for a host that reads them
 * with time stamps and judges.
 *
 * What may fail comes last, so that a hypervisor which stops there has told
 * the rest. src/HvRunner.Machine/Probes is the reader. Deliberately absent:
 * any judgement that takes time to tell, as a guest has no clock to trust. */
#include "probe.h"
#include "debugcon.h"
#include "option.h"
#include "print.h"

void say(const char *format, ...)
{
    char text[80];
    va_list arguments;

    va_start(arguments, format);
    vprint_to(text, sizeof text, format, arguments);
    va_end(arguments);
    debugcon_write(text);
}

int guest_main(const struct hvm_start_info *info)
{
    bool speed_only = option_is(option(info, "only"), "speed");

    say("probe 1\n");
    probe_speed(speed_only ? 2 : 6);
    if (!speed_only) {
        probe_apic();
        probe_instructions();
        probe_rules();
        probe_restart();
    }
    say("done\n");
    return 0;
}
