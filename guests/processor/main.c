/* The guest that judges a processor from inside, topic by topic. */
#include "processor.h"
#include "print.h"
#include "serial.h"
#include "tap.h"

int guest_main(void);

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

int guest_main(void)
{
    serial_start();
    machine_start();
    test_contexts();

    test_paging();
    test_page_faults();
    test_translations();
    test_legacy_paging();
    test_code_changes();
    test_exceptions();
    test_stacks();
    test_debug();
    test_segments();
    test_descriptors();
    test_gates();
    test_modes();
    test_system_calls();
    test_interrupt_returns();
    test_privilege();
    test_features();
    test_vector_state();
    test_interrupts();
    int status = tap_end();
    serial_drain();
    return status;
}
