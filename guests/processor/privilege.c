/* What ring 3 may not do: privileged instructions, ports, interrupts.
 *
 * CLI, STI and the port instructions obey IOPL, ports also the I/O permission
 * bitmap. Specification: Intel SDM volume 3A, 5.9, volume 1, 18.5; AMD APM volume
 * 2, 12.2.4. Deliberately absent: VME and PVI. */
#include "processor.h"

#define PRIVILEGED(name, text) FRAGMENT(ring3_##name, text)
PRIVILEGED(hlt, "hlt"); PRIVILEGED(lgdt, "lgdt (%rsp)"); PRIVILEGED(lidt, "lidt (%rsp)");
PRIVILEGED(lldt, "lldt %ax"); PRIVILEGED(ltr, "ltr %ax"); PRIVILEGED(clts, "clts"); PRIVILEGED(lmsw, "lmsw %ax");
PRIVILEGED(read_cr0, "movq %cr0, %rax"); PRIVILEGED(write_cr0, "movq %rax, %cr0"); PRIVILEGED(write_cr3, "movq %rax, %cr3");
PRIVILEGED(read_cr8, "movq %cr8, %rax"); PRIVILEGED(write_dr7, "movq %rax, %dr7"); PRIVILEGED(invd, "invd");
PRIVILEGED(wbinvd, "wbinvd"); PRIVILEGED(invlpg, "invlpg (%rsp)"); PRIVILEGED(rdmsr, "rdmsr"); PRIVILEGED(wrmsr, "wrmsr");
FRAGMENT(ring3_invpcid, "invpcid (%rsp), %rax");
FRAGMENT(ring3_cli, "cli"); FRAGMENT(ring3_sti, "sti\n nop"); FRAGMENT(ring3_in, "inb $0x80, %al"); FRAGMENT(ring3_out, "outb %al, $0x80");
FRAGMENT(ring3_in_dx, "inl %dx, %eax"); FRAGMENT(ring3_outs, "outsb"); FRAGMENT(ring3_popf, "pushq %rax\n popfq\n pushfq\n popq %rbx");
FRAGMENT(ring3_rdtsc, "rdtsc"); FRAGMENT(ring3_umip_sgdt, "sgdt -64(%rsp)"); FRAGMENT(ring3_umip_sidt, "sidt -64(%rsp)");
FRAGMENT(ring3_umip_sldt, "sldt %eax"); FRAGMENT(ring3_umip_str, "str %eax"); FRAGMENT(ring3_umip_smsw, "smsw %eax");

static void instructions(void)
{
    static const struct { const char *fragment, *name; } cases[] = {
        { ring3_hlt, "HLT" }, { ring3_lgdt, "LGDT" }, { ring3_lidt, "LIDT" }, { ring3_lldt, "LLDT" }, { ring3_ltr, "LTR" },
        { ring3_clts, "CLTS" }, { ring3_lmsw, "LMSW" }, { ring3_read_cr0, "MOV from CR0" }, { ring3_write_cr0, "MOV to CR0" },
        { ring3_write_cr3, "MOV to CR3" }, { ring3_read_cr8, "MOV from CR8" }, { ring3_write_dr7, "MOV to DR7" },
        { ring3_invd, "INVD" }, { ring3_wbinvd, "WBINVD" }, { ring3_invlpg, "INVLPG" }, { ring3_rdmsr, "RDMSR" },
        { ring3_wrmsr, "WRMSR" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct context c = user64(cases[i].fragment);
        c.rcx = MSR_EFER;
        run(&c);
        ended(&c, GP, 0, USER_AT(cases[i].fragment), text("privilege: %s in ring 3 is #GP(0)", cases[i].name));
    }
    if (BIT(leaf7.ebx, 10)) {
        struct context c = user64(ring3_invpcid);
        run(&c);
        ended(&c, GP, 0, USER_AT(ring3_invpcid), "privilege: INVPCID in ring 3 is #GP(0)");
    } else
        skip("privilege: INVPCID in ring 3 is #GP(0)", "not offered");
    struct context c = user64(ring3_rdtsc);
    run(&c);
    finished(&c, true, "privilege: RDTSC in ring 3");
    write_cr4(read_cr4() | CR4_TSD);
    c = user64(ring3_rdtsc);
    run(&c);
    write_cr4(read_cr4() & ~(uint64_t)CR4_TSD);
    ended(&c, GP, 0, USER_AT(ring3_rdtsc), "privilege: with CR4.TSD RDTSC in ring 3 is #GP(0)");

    static const struct { const char *fragment, *name; } umip[] = {
        { ring3_umip_sgdt, "SGDT" }, { ring3_umip_sidt, "SIDT" }, { ring3_umip_sldt, "SLDT" }, { ring3_umip_str, "STR" },
        { ring3_umip_smsw, "SMSW" },
    };
    for (uint32_t i = 0; i < sizeof umip / sizeof umip[0]; i++) {
        c = user64(umip[i].fragment);
        run(&c);
        uint64_t without = c.vector;
        if (!BIT(leaf7.ecx, 2)) {
            finished(&c, true, text("privilege: %s in ring 3", umip[i].name));
            continue;
        }
        write_cr4(read_cr4() | CR4_UMIP);
        c = user64(umip[i].fragment);
        run(&c);
        write_cr4(read_cr4() & ~(uint64_t)CR4_UMIP);
        held(&c, without == END && c.vector == GP && c.error == 0, text("privilege: %s in ring 3 is #GP(0) with CR4.UMIP alone", umip[i].name));
    }
}

static void flags(void)
{
    struct context c = user64(ring3_cli);
    c.rflags |= FLAG_IF;
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_cli), "privilege: CLI in ring 3 is #GP(0)");
    c = user64(ring3_sti);
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_sti), "privilege: STI in ring 3 is #GP(0)");
    c = user64(ring3_cli);
    c.rflags |= FLAG_IF | FLAG_IOPL;
    run(&c);
    finished(&c, !(c.rflags & FLAG_IF), "privilege: with IOPL 3 CLI clears IF");
    c = user64(ring3_sti);
    c.rflags |= FLAG_IOPL;
    run(&c);
    finished(&c, c.rflags & FLAG_IF, "privilege: and STI sets it");
    c = user64(ring3_popf);
    c.rax = FLAG_ONE | FLAG_IF | FLAG_IOPL | FLAG_CF;
    run(&c);
    finished(&c, (c.rbx & (FLAG_IF | FLAG_IOPL | FLAG_CF)) == FLAG_CF, "privilege: POPF in ring 3 leaves IF and IOPL");
    c = user64(ring3_popf);
    c.rflags |= FLAG_IOPL;
    c.rax = FLAG_ONE | FLAG_IF;
    run(&c);
    finished(&c, (c.rbx & (FLAG_IF | FLAG_IOPL)) == (FLAG_IF | FLAG_IOPL), "privilege: with IOPL 3 it sets IF, not IOPL");
    c = kernel64(ring3_popf);
    c.rax = FLAG_ONE | FLAG_IOPL | FLAG_NT | FLAG_AC | 0x200000;
    run(&c);
    finished(&c, (c.rbx & 0x247fd7) == (FLAG_ONE | FLAG_IOPL | FLAG_NT | FLAG_AC | 0x200000), "privilege: POPF in ring 0 sets IOPL, NT, AC and ID");
    c = kernel64(ring3_popf);
    c.rax = FLAG_RF | 0x28 | 0x8000;
    run(&c);
    finished(&c, (c.rbx & (FLAG_RF | 0x802a)) == 2, "privilege: POPF clears RF and knows bits 1, 3, 5 and 15");
}

static void ports(void)
{
    struct context c = user64(ring3_in);
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_in), "privilege: IN in ring 3 is #GP(0)");
    c = user64(ring3_out);
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_out), "privilege: OUT in ring 3 is #GP(0)");
    c = user64(ring3_outs);
    c.rdx = 0x80;
    c.rsi = TOP(fragment_stack) + USER_BASE;
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_outs), "privilege: OUTS in ring 3 is #GP(0)");
    c = user64(ring3_out);
    c.rflags |= FLAG_IOPL;
    run(&c);
    finished(&c, true, "privilege: OUT in ring 3 with IOPL 3");
    tss.io_bits[0x80 / 8] = 0xfe;
    c = user64(ring3_out);
    run(&c);
    finished(&c, true, "privilege: OUT in ring 3 to a port that the bitmap allows");
    c = user64(ring3_in_dx);
    c.rdx = 0x80;
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_in_dx), "privilege: IN of four ports of which it allows one");
    tss.io_bits[0x80 / 8] = 0xf0;
    c = user64(ring3_in_dx);
    c.rdx = 0x80;
    run(&c);
    finished(&c, true, "privilege: IN of four ports that it allows");
    c = user64(ring3_in_dx);
    c.rdx = 0x81;
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_in_dx), "privilege: IN of four ports, the last of which it refuses");
    tss.io_bits[0x80 / 8] = 0x1f;
    tss.io_bits[0x88 / 8] = 0xfe;
    c = user64(ring3_in_dx);
    c.rdx = 0x85;
    run(&c);
    finished(&c, true, "privilege: IN of four ports across two bytes of the bitmap");
    tss.io_bits[0x80 / 8] = tss.io_bits[0x88 / 8] = 0xff;
    c = user64(ring3_in_dx);
    c.rdx = 0xfff0;
    run(&c);
    ended(&c, GP, 0, USER_AT(ring3_in_dx), "privilege: a port beyond the bitmap is refused");
    tss.io_bits[0x80 / 8] = 0;
    uint16_t map = tss.io_map;
    tss.io_map = sizeof tss;
    c = user64(ring3_out);
    run(&c);
    tss.io_map = map;
    tss.io_bits[0x80 / 8] = 0xff;
    ended(&c, GP, 0, USER_AT(ring3_out), "privilege: a bitmap beyond the TSS's limit refuses every port");
    c = kernel64(ring3_out);
    run(&c);
    finished(&c, true, "privilege: ring 0 needs no bitmap");
}

void test_privilege(void)
{
    instructions();
    flags();
    ports();
}
