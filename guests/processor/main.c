/* The guest that judges a processor from inside, topic by topic. */
#include "processor.h"
#include "selection.h"
#include "serial.h"
#include "tap.h"

#define STATUS_UNKNOWN 63

int guest_main(const struct hvm_start_info *info);

FRAGMENT(nothing64, "nop");
FRAGMENT32(nothing32, "nop");
FRAGMENT16(nothing16, "nop");

/* Before anything else: the ways into each mode and back work at all. */
static void test_contexts(void)
{
    struct context c = kernel64(nothing64);
    c.r15 = 0x123456789abcdef0;
    run(&c);
    finished(&c, c.r15 == 0x123456789abcdef0, "contexts: 64-bit, ring 0");
    c = user64(nothing64);
    run(&c);
    finished(&c, c.cs == (USER_CODE64 | 3) && c.frame == TOP(trap_stack) - 40, "contexts: 64-bit, ring 3");
    c = kernel32(nothing32);
    run(&c);
    finished(&c, c.cs == CODE32, "contexts: compatibility mode, ring 0");
    c = user32(nothing32);
    run(&c);
    finished(&c, c.cs == (USER_CODE32 | 3), "contexts: compatibility mode, ring 3");
    c = protected32(nothing32);
    c.rdi = 0x12345678;
    run(&c);
    finished(&c, c.rdi == 0x12345678 && c.cs == CODE32, "contexts: protected mode, ring 0");
    c = protected_user32(nothing32);
    run(&c);
    finished(&c, c.cs == (USER_CODE32 | 3), "contexts: protected mode, ring 3");
    c = protected16(nothing16);
    run(&c);
    finished(&c, c.cs == CODE16, "contexts: 16-bit protected mode");
    c = real16(nothing16);
    c.rdi = 0x12345678;
    run(&c);
    finished(&c, c.rdi == 0x12345678 && c.cs == REAL_BASE >> 4 && c.rsp == 0x8000, "contexts: real mode");
}

static const struct { const char *name; void (*test)(void); } sections[] = {
    { "contexts", test_contexts },
    { "paging", test_paging },
    { "page_faults", test_page_faults },
    { "translations", test_translations },
    { "legacy_paging", test_legacy_paging },
    { "code_changes", test_code_changes },
    { "exceptions", test_exceptions },
    { "stacks", test_stacks },
    { "debug", test_debug },
    { "segments", test_segments },
    { "descriptors", test_descriptors },
    { "gates", test_gates },
    { "modes", test_modes },
    { "system_calls", test_system_calls },
    { "interrupt_returns", test_interrupt_returns },
    { "privilege", test_privilege },
    { "features", test_features },
    { "vector_state", test_vector_state },
    { "interrupts", test_interrupts },
};

int guest_main(const struct hvm_start_info *info)
{
    serial_start();
    machine_start();
    selection_start(info);
    bool known = false;
    for (uint32_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!is_selected(sections[i].name))
            continue;
        known = true;
        tap_note("section %s", sections[i].name);
        sections[i].test();
    }
    int status = known ? tap_end() : STATUS_UNKNOWN;
    serial_drain();
    return status;
}
