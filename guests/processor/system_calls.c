/* SYSCALL and SYSRET, SYSENTER and SYSEXIT, in the modes that each vendor has.
 *
 * Intel's processors have SYSCALL in 64-bit mode alone, AMD's in every protected
 * mode; AMD's have SYSENTER outside long mode alone. The vendor is CPUID's.
 * Specification: Intel SDM volume 2; AMD APM volume 2, 6.1, volume 3.
 * Deliberately absent: what follows once SS is not what a table says. */
#include "processor.h"

FRAGMENT(call64, "syscall\n call64_after:"); LABEL(call64_after);
FRAGMENT(call_landing, "movl %ss, %eax\n pushfq\n popq %rbx");
FRAGMENT32(call32, "syscall\n call32_after:"); LABEL(call32_after);
FRAGMENT32(call_landing32, "movl %ss, %eax\n pushfl\n popl %ebx");
FRAGMENT(return64, "return64_at: sysretq"); LABEL(return64_at);
FRAGMENT(return32, "return32_at: sysretl"); LABEL(return32_at);
FRAGMENT32(return_legacy, "return_legacy_at: sysretl"); LABEL(return_legacy_at);
FRAGMENT32(enter32, "enter32_at: sysenter"); LABEL(enter32_at);
FRAGMENT(enter64, "enter64_at: sysenter"); LABEL(enter64_at);
FRAGMENT32(enter_landing, "movl %ss, %eax\n movl %esp, %ebp\n pushfl\n popl %ebx");
FRAGMENT(enter_landing64, "movl %ss, %eax\n movq %rsp, %rbp\n pushfq\n popq %rbx");
FRAGMENT32(exit32, "exit32_at: sysexit"); LABEL(exit32_at);
FRAGMENT(exit64, "exit64_at: sysexitl"); LABEL(exit64_at);
FRAGMENT(exit64_wide, "rex.w sysexit");

static void set_star(uint32_t low)
{
    wrmsr(MSR_STAR, (uint64_t)(USER_CODE32 | 3) << 48 | (uint64_t)CODE64 << 32 | low);
    wrmsr(MSR_LSTAR, AT(call_landing));
    wrmsr(MSR_CSTAR, AT(call_landing));
    wrmsr(MSR_FMASK, FLAG_IF | FLAG_DF | FLAG_CF);
}

static void calls(void)
{
    set_star(0);
    struct context c = user64(call64);
    c.rflags |= FLAG_IF | FLAG_DF | FLAG_CF | FLAG_ZF;
    run(&c);
    finished(&c, c.cs == CODE64 && c.rax == CODE64 + 8 && c.rcx == USER_AT(call64_after), "system calls: SYSCALL: CS, SS, RCX");
    held(&c, (c.r11 & 0x7d5) == (FLAG_IF | FLAG_DF | FLAG_CF | FLAG_ZF) && c.rsp == TOP(fragment_stack) + USER_BASE,
         "system calls: the flags are in R11; RSP stays");
    tcg_differs("SYSCALL clears CF to OF");
    held(&c, (c.rbx & 0x7d5) == FLAG_ZF, "system calls: those in FMASK are cleared, no others");
    c = kernel64(return64);
    c.rcx = USER_AT(nothing64);
    c.r11 = FLAG_IF | FLAG_ZF | FLAG_RF | FLAG_IOPL;
    c.rsp += USER_BASE;
    run(&c);
    finished(&c, c.cs == (USER_CODE64 | 3) && c.ss == (USER_DATA | 3) && c.rip == USER_AT(nothing64) + 3,
             "system calls: SYSRET: CS, SS, RIP");
    tcg_differs("RF stays until the block ends");
    held(&c, (c.rflags & 0x37fff) == (FLAG_ONE | FLAG_IF | FLAG_ZF | FLAG_IOPL), "system calls: flags from R11, RF clear");
    c = kernel64(return32);
    c.rcx = USER_AT(nothing32) | 1ull << 40;
    c.r11 = FLAG_ONE;
    run(&c);
    finished(&c, c.cs == (USER_CODE32 | 3) && c.rip == USER_AT(nothing32) + 3, "system calls: SYSRET to compatibility mode takes ECX");
    c = kernel64(return64);
    c.rcx = 1ull << 47;
    run(&c);
    tcg_differs("it is AMD's processor whatever the vendor");
    held(&c, c.vector == GP && c.error == 0 && c.cs == (is_amd ? USER_CODE64 | 3u : CODE64),
         "system calls: SYSRET to a non-canonical RIP is #GP(0), in the ring that the vendor says");
    c = user64(return64);
    run(&c);
    ended(&c, GP, 0, USER_AT(return64_at), "system calls: SYSRET in ring 3 is #GP(0)");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(uint64_t)EFER_SCE);
    c = user64(call64);
    run(&c);
    ended(&c, UD, NO_ERROR, USER_AT(call64), "system calls: SYSCALL without EFER.SCE is #UD");
    c = kernel64(return64);
    run(&c);
    ended(&c, UD, NO_ERROR, AT(return64_at), "system calls: nor is there SYSRET");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);

    c = user32(call32);
    c.rflags |= FLAG_CF;
    run(&c);
    if (is_amd) {
        finished(&c, c.cs == CODE64 && c.rcx == USER_AT(call32_after) && (c.r11 & FLAG_CF),
                 "system calls: SYSCALL of compatibility mode, AMD: by CSTAR");
    } else {
        tcg_differs("it is AMD's processor whatever the vendor");
        ended(&c, UD, NO_ERROR, USER_AT(call32), "system calls: SYSCALL of compatibility mode, Intel: #UD");
    }
    wrmsr(MSR_STAR, (uint64_t)(USER_CODE32 | 3) << 48 | (uint64_t)CODE32 << 32 | (uint32_t)AT(call_landing32));
    c = protected_user32(call32);
    c.efer = EFER_SCE;
    c.rflags |= FLAG_IF;
    run(&c);
    if (is_amd) {
        finished(&c, c.cs == CODE32 && c.rax == DATA && c.rcx == AT(call32_after) && !(c.rbx & FLAG_IF),
                 "system calls: SYSCALL of protected mode, AMD: by STAR");
        c = protected32(return_legacy);
        c.efer = EFER_SCE;
        c.rcx = AT(nothing32);
        run(&c);
        finished(&c, c.cs == (USER_CODE32 | 3) && (c.rflags & FLAG_IF), "system calls: SYSRET of protected mode, AMD");
    } else {
        tcg_differs("it is AMD's processor whatever the vendor");
        ended(&c, UD, NO_ERROR, AT(call32), "system calls: SYSCALL of protected mode, Intel: #UD");
        c = protected32(return_legacy);
        c.efer = EFER_SCE;
        run(&c);
        tcg_differs("it is AMD's processor whatever the vendor");
        ended(&c, UD, NO_ERROR, AT(return_legacy_at), "system calls: SYSRET of protected mode, Intel: #UD");
    }
}

static void enters(void)
{
    if (!BIT(leaf1.edx, 11)) {
        skip("system calls: SYSENTER", "not offered");
        return;
    }
    wrmsr(MSR_SYSENTER_CS, CODE32);
    wrmsr(MSR_SYSENTER_ESP, TOP(trap_stack) - 64);
    wrmsr(MSR_SYSENTER_EIP, AT(enter_landing));
    struct context c = protected_user32(enter32);
    c.rflags |= FLAG_IF | FLAG_ZF;
    run(&c);
    finished(&c, c.cs == CODE32 && c.rax == DATA && c.rbp == TOP(trap_stack) - 64, "system calls: SYSENTER: CS, SS, ESP");
    held(&c, (c.rbx & (FLAG_IF | FLAG_ZF)) == FLAG_ZF, "system calls: and IF clear");
    c = protected32(exit32);
    c.rdx = AT(nothing32);
    c.rcx = TOP(fragment_stack) - 128;
    run(&c);
    finished(&c, c.cs == (USER_CODE32 | 3) && c.ss == (USER_DATA | 3) && c.rsp == TOP(fragment_stack) - 128,
             "system calls: SYSEXIT: CS, SS, ESP, EIP");
    c = protected_user32(exit32);
    run(&c);
    ended(&c, GP, 0, AT(exit32_at), "system calls: SYSEXIT in ring 3 is #GP(0)");
    wrmsr(MSR_SYSENTER_CS, 0);
    c = protected_user32(enter32);
    run(&c);
    ended(&c, GP, 0, AT(enter32_at), "system calls: SYSENTER with a null CS is #GP(0)");
    c = protected32(exit32);
    run(&c);
    ended(&c, GP, 0, AT(exit32_at), "system calls: SYSEXIT with a null CS is #GP(0)");
    wrmsr(MSR_SYSENTER_CS, CODE32);
    if (is_amd) {
        c = user64(enter64);
        run(&c);
        ended(&c, UD, NO_ERROR, USER_AT(enter64_at), "system calls: SYSENTER of 64-bit mode, AMD: #UD");
        c = user32(enter32);
        run(&c);
        tcg_differs("SYSENTER works in compatibility mode");
        ended(&c, UD, NO_ERROR, USER_AT(enter32_at), "system calls: SYSENTER of compatibility mode, AMD: #UD");
        c = kernel64(exit64);
        run(&c);
        ended(&c, UD, NO_ERROR, AT(exit64_at), "system calls: SYSEXIT of 64-bit mode, AMD: #UD");
        return;
    }
    /* In long mode CS becomes 64-bit code whatever the table has at this selector. */
    wrmsr(MSR_SYSENTER_CS, CODE64);
    wrmsr(MSR_SYSENTER_EIP, AT(enter_landing64));
    c = user64(enter64);
    run(&c);
    finished(&c, c.cs == CODE64 && c.rax == CODE64 + 8 && c.rbp == TOP(trap_stack) - 64, "system calls: SYSENTER of 64-bit mode, Intel");
    c = user32(enter32);
    run(&c);
    finished(&c, c.cs == CODE64, "system calls: SYSENTER of compatibility mode, Intel");
    wrmsr(MSR_SYSENTER_CS, CODE32);
    c = kernel64(exit64_wide);
    c.rdx = USER_AT(nothing64);
    c.rcx = TOP(fragment_stack) + USER_BASE;
    run(&c);
    finished(&c, c.cs == (USER_CODE64 | 3) && c.ss == (0x30 | 3), "system calls: SYSEXIT of 64-bit mode, Intel");
}

void test_system_calls(void)
{
    calls();
    enters();
}
