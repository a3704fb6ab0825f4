/* Call gates, 32-bit and 64-bit, within a ring and to an inner one.
 *
 * A 32-bit gate copies parameters from stack to stack; a 64-bit one takes two
 * entries, copies nothing and leads to 64-bit code alone. Specification: Intel
 * SDM volume 3A, 5.8.3 to 5.8.5; AMD APM volume 2, 4.7.3 and 4.8.2.
 * Deliberately absent: 16-bit gates, task gates. */
#include "processor.h"

#define GATE SCRATCH

FRAGMENT32(call_gate32, "pushl $0x22\n pushl $0x11\n call_gate32_at: lcall $0x83, $0\n call_gate32_after: movl %esp, %ecx");
LABEL(call_gate32_at); LABEL(call_gate32_after);
/* Looks at its stack and returns over two parameters. */
FRAGMENT32(gate_target32, "movl %cs, %eax\n movl %esp, %ebx\n movl 8(%esp), %edx\n movl 12(%esp), %esi\n movl (%esp), %edi\n"
                           "movl 16(%esp), %ebp\n movw 20(%esp), %fs\n lret $8");
FRAGMENT32(gate_target32_plain, "movl %cs, %eax\n movl %esp, %ebx\n movl (%esp), %edi\n lret");
FRAGMENT32(jump_gate32, "jump_gate32_at: ljmp $0x83, $0"); LABEL(jump_gate32_at);

static void gate_32(const void *target, uint16_t selector, uint8_t access, uint8_t parameters)
{
    uint32_t offset = (uint32_t)AT(target);
    gdt[GATE / 8] = (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)parameters << 32
                  | (uint64_t)access << 40 | (uint64_t)(offset >> 16) << 48;
}

static void gates_32(void)
{
    gate_32(gate_target32, CODE32, 0xec, 2);
    struct context c = protected_user32(call_gate32);
    run(&c);
    finished(&c, c.rax == CODE32 && c.cs == (USER_CODE32 | 3), "gates: 32-bit, ring 3 to 0 and back");
    held(&c, c.rbx == TOP(trap_stack) - 24 && c.rdx == 0x11 && c.rsi == 0x22 && c.rdi == AT(call_gate32_after),
         "gates: the stack is ring 0's, with two parameters");
    held(&c, c.rcx == TOP(fragment_stack), "gates: the return pops them from both stacks");
    held(&c, c.rbp == TOP(fragment_stack) - 8 && c.fs == (USER_DATA | 3), "gates: SS and ESP of the caller lie above them");
    gate_32(gate_target32_plain, CODE32, 0xec, 0);
    c = protected32(call_gate32);
    run(&c);
    finished(&c, c.rax == CODE32 && c.rbx == TOP(fragment_stack) - 16 && c.cs == CODE32, "gates: 32-bit, within ring 0");
    c = protected32(jump_gate32);
    gate_32(nothing32, CODE32, 0xec, 0);
    run(&c);
    finished(&c, c.rip == AT(nothing32) + 3, "gates: a far jump by a 32-bit gate within ring 0");

    static const struct { uint16_t selector; uint8_t access; bool user; uint64_t vector, error; const char *name; } cases[] = {
        { CODE32, 0x8c, true, GP, GATE, "a gate of DPL 0 from ring 3" },
        { CODE32, 0x8c, false, GP, GATE, "a gate of DPL 0 by RPL 3" },
        { CODE32, 0x6c, false, NP, GATE, "a gate that is not present" },
        { 0, 0xec, false, GP, 0, "a gate to a null selector" },
        { 0x1000, 0xec, false, GP, 0x1000, "a gate to a selector beyond the GDT" },
        { DATA, 0xec, false, GP, DATA, "a gate to data" },
        { USER_CODE32, 0xec, false, GP, USER_CODE32, "a gate to an outer ring" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gate_32(gate_target32_plain, cases[i].selector, cases[i].access, 0);
        c = cases[i].user ? protected_user32(call_gate32) : protected32(call_gate32);
        run(&c);
        ended(&c, cases[i].vector, cases[i].error, AT(call_gate32_at), text("gates: 32-bit, %s", cases[i].name));
    }
    gate_32(nothing32, CODE32, 0xec, 0);
    c = protected_user32(jump_gate32);
    run(&c);
    ended(&c, GP, CODE32, AT(jump_gate32_at), "gates: a far jump by a gate into an inner ring is #GP(code selector)");
    gdt[SCRATCH / 8 + 1] = descriptor(0, 0xfffff, 0x9f, 0xc);
    gate_32(nothing32, SCRATCH + 8, 0xec, 0);
    c = protected_user32(jump_gate32);
    run(&c);
    finished(&c, c.cs == ((SCRATCH + 8) | 3), "gates: a far jump by a gate to conforming code stays in ring 3");
}

FRAGMENT(call_gate64, "call_gate64_at: lcall *(%rbx)\n call_gate64_after: movq %rsp, %rcx"); LABEL(call_gate64_at); LABEL(call_gate64_after);
FRAGMENT(gate_target64, "movl %cs, %eax\n movq %rsp, %rbx\n movq (%rsp), %rdi\n movq 8(%rsp), %rdx\n movl %ss, %esi\n lretq");
FRAGMENT32(call_gate_compat, "call_gate_compat_at: lcall *(%ebx)\n call_gate_compat_after: movl %esp, %ecx");
LABEL(call_gate_compat_at); LABEL(call_gate_compat_after);
FRAGMENT(far_call64, "lcall *(%rbx)\n movl $77, %ecx"); FRAGMENT(far_returns64, "movl %cs, %eax\n lretl");
FRAGMENT(far_call64_wide, "rex.w lcall *(%rbx)\n movl $77, %ecx"); FRAGMENT(far_returns64_wide, "movl %cs, %eax\n lretq");

static struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) pointer = { 0, GATE | 3 };
static struct { uint64_t offset; uint16_t selector; } __attribute__((packed)) wide_pointer;

static void gate_64(const void *target, uint16_t selector, uint8_t access)
{
    gate_32(target, selector, access, 0);
    gdt[GATE / 8 + 1] = AT(target) >> 32;
}

static struct context by_gate(struct context c)
{
    c.rbx = AT(&pointer) + (c.cs & 3 ? USER_BASE : 0);
    return c;
}

static void gates_64(void)
{
    pointer.selector = GATE | 3;
    gate_64(gate_target64, CODE64, 0xec);
    struct context c = by_gate(user64(call_gate64));
    run(&c);
    finished(&c, c.rax == CODE64 && c.cs == (USER_CODE64 | 3) && c.rcx == TOP(fragment_stack) + USER_BASE,
             "gates: 64-bit, ring 3 to 0 and back");
    held(&c, c.rbx == TOP(trap_stack) - 32 && c.rdi == USER_AT(call_gate64_after) && c.rdx == (USER_CODE64 | 3)
         && c.rsi == 0, "gates: RSP0, a null SS, a frame of quadwords");
    c = by_gate(kernel64(call_gate64));
    run(&c);
    finished(&c, c.rax == CODE64 && c.rbx == TOP(fragment_stack) - 16 && c.rsi == DATA, "gates: 64-bit, within ring 0");
    c = by_gate(user32(call_gate_compat));
    run(&c);
    finished(&c, c.rax == CODE64 && c.cs == (USER_CODE32 | 3) && c.rdi == USER_AT(call_gate_compat_after),
             "gates: 64-bit, from compatibility mode and back to it");
    static const struct { uint16_t selector; uint8_t access; uint64_t upper, vector, error; const char *name; } cases[] = {
        { CODE64, 0x8c, 0, GP, GATE, "a gate of DPL 0" },
        { CODE64, 0x6c, 0, NP, GATE, "a gate that is not present" },
        { CODE64, 0xec, 0x0c0000000000, GP, GATE, "a type in the upper half" },
        { CODE32, 0xec, 0, GP, CODE32, "a gate to 32-bit code" },
        { 0, 0xec, 0, GP, 0, "a gate to a null selector" },
        { CODE64, 0xe4, 0, GP, GATE, "a 16-bit gate" },
        { CODE64, 0xe5, 0, GP, GATE, "a task gate" },
        { CODE64, 0xe9, 0, GP, GATE, "a TSS" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gate_64(gate_target64, cases[i].selector, cases[i].access);
        gdt[GATE / 8 + 1] |= cases[i].upper;
        c = by_gate(user64(call_gate64));
        run(&c);
        ended(&c, cases[i].vector, cases[i].error, USER_AT(call_gate64_at), text("gates: 64-bit, %s", cases[i].name));
    }
    gdt[GATE / 8] = gdt[GATE / 8 + 1] = 0;

    pointer.offset = (uint32_t)AT(far_returns64);
    pointer.selector = CODE64;
    c = by_gate(kernel64(far_call64));
    run(&c);
    finished(&c, c.rax == CODE64 && c.rcx == 77, "gates: a far call by m16:32 in 64-bit mode");
    wide_pointer.offset = AT(far_returns64_wide);
    wide_pointer.selector = CODE64;
    c = kernel64(far_call64_wide);
    c.rbx = AT(&wide_pointer);
    run(&c);
    if (is_amd && c.vector != END)
        skip("gates: a far call by m16:64", "AMD's processors have no m16:64");
    else
        finished(&c, c.rax == CODE64 && c.rcx == 77, "gates: a far call by m16:64");
    gdt[SCRATCH / 8] = descriptor(0, 0xfffff, 0x9b, 0xe);       /* L and D */
    pointer.offset = (uint32_t)AT(far_returns64);
    pointer.selector = SCRATCH;
    c = by_gate(kernel64(far_call64));
    run(&c);
    tcg_differs("a code segment may have L and D");
    ended(&c, GP, SCRATCH, AT(far_call64), "gates: a code segment with both L and D is #GP(selector)");
}

void test_gates(void)
{
    gates_32();
    gates_64();
}
