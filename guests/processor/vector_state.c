/* The state of x87, SSE and AVX: who may touch it, and how it is stored.
 *
 * CR0.EM, TS and MP and CR4.OSFXSR decide whether an instruction executes, is
 * #NM or #UD; FXSAVE and the XSAVE family store and load it. Specification: Intel
 * SDM volume 1, 10.5 and chapter 13; volume 3A, 2.5; AMD APM volume 2, 11.
 * Deliberately absent: arithmetic, AVX-512, supervisor state. */
#include "processor.h"

static uint8_t area[4096] __attribute__((aligned(64))), area2[4096] __attribute__((aligned(64)));

FRAGMENT(use_x87, "fnop"); FRAGMENT(use_sse, "xorps %xmm0, %xmm0"); FRAGMENT(use_mmx, "pxor %mm0, %mm0\n emms");
FRAGMENT(use_wait, "fwait"); FRAGMENT(use_fxsave, "fxsave (%rdi)"); FRAGMENT(use_avx, "vxorps %ymm0, %ymm0, %ymm0");
FRAGMENT(use_xsave, "xorl %eax, %eax\n xorl %edx, %edx\n xsave (%rdi)"); FRAGMENT(use_int_sse, "crc32l %eax, %eax\n movnti %eax, (%rdi)");
FRAGMENT(set_ts, "movq %cr0, %rax\n orl $8, %eax\n movq %rax, %cr0\n clts\n movq %cr0, %rbx");

static void controls(void)
{
    const uint64_t no_osfxsr = UINT64_MAX;      /* in place of bits of CR0 */
    const struct { uint64_t bits; uint64_t x87, sse, mmx, wait; const char *name; } cases[] = {
        { 0, END, END, END, END, "none of them" },
        { CR0_TS, NM, NM, NM, END, "TS" },
        { CR0_TS | CR0_MP, NM, NM, NM, NM, "TS and MP" },
        { CR0_EM, NM, UD, UD, END, "EM" },
        { CR0_EM | CR0_TS | CR0_MP, NM, UD, UD, NM, "EM, TS and MP" },
        { CR0_MP, END, END, END, END, "MP" },
        { no_osfxsr, END, UD, END, END, "no CR4.OSFXSR" },
    };
    uint64_t cr0 = read_cr0() & ~(uint64_t)(CR0_EM | CR0_TS | CR0_MP), cr4 = read_cr4();
    __asm__ volatile("fninit");
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fragments[] = { use_x87, use_sse, use_mmx, use_wait };
        uint64_t wanted[] = { cases[i].x87, cases[i].sse, cases[i].mmx, cases[i].wait };
        static const char *const names[] = { "x87", "SSE", "MMX", "FWAIT" };
        for (uint32_t k = 0; k < 4; k++) {
            struct context c = kernel64(fragments[k]);
            if (cases[i].bits == no_osfxsr)
                write_cr4(cr4 & ~(uint64_t)CR4_OSFXSR);
            else
                write_cr0(cr0 | cases[i].bits);
            run(&c);
            write_cr0(cr0 | CR0_MP);
            write_cr4(cr4);
            if (wanted[k] == UD)
                tcg_differs("TS comes before EM");
            ended(&c, wanted[k], NO_ERROR, wanted[k] == END ? 0 : AT(fragments[k]), text("vector state: %s with %s", names[k], cases[i].name));
        }
    }
    struct context c = kernel64(use_fxsave);
    c.rdi = AT(area);
    write_cr0(cr0 | CR0_TS);
    run(&c);
    write_cr0(cr0 | CR0_MP);
    ended(&c, NM, NO_ERROR, AT(use_fxsave), "vector state: FXSAVE with TS is #NM");
    c = kernel64(use_fxsave);
    c.rdi = AT(area) + 8;
    run(&c);
    ended(&c, GP, 0, AT(use_fxsave), "vector state: FXSAVE of a misaligned area is #GP(0)");
    c = kernel64(set_ts);
    run(&c);
    finished(&c, !(c.rbx & CR0_TS), "vector state: CLTS");
    if (BIT(leaf1.ecx, 20)) {
        write_cr0(cr0 | CR0_TS);
        c = kernel64(use_int_sse);
        c.rdi = AT(area);
        run(&c);
        write_cr0(cr0 | CR0_MP);
        finished(&c, true, "vector state: CRC32 and MOVNTI do not look at TS");
    }
}

FRAGMENT(fx_round, "fninit\n fld1\n fldpi\n movabsq $0x1122334455667788, %rax\n movq %rax, %xmm15\n movl $0x1fa0, %eax\n pushq %rax\n ldmxcsr (%rsp)\n popq %rax\n"
                   "fxsave64 (%rdi)\n fninit\n xorps %xmm15, %xmm15\n fxrstor64 (%rdi)\n movq %xmm15, %rbx\n fstpt (%rsi)\n fnstsw %ax\n"
                   "pushq $0x1f80\n ldmxcsr (%rsp)\n popq %rdx");
FRAGMENT(fx_restore, "fx_restore_at: fxrstor64 (%rdi)"); LABEL(fx_restore_at);
FRAGMENT(set_mxcsr, "set_mxcsr_at: ldmxcsr (%rdi)"); LABEL(set_mxcsr_at);

static void fxsave(void)
{
    static const uint8_t pi[10] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40 };
    struct context c = kernel64(fx_round);
    c.rdi = AT(area);
    c.rsi = AT(area2);
    run(&c);
    bool same = true;
    for (uint32_t i = 0; i < 10; i++)
        same &= area2[i] == pi[i] && area[32 + i] == pi[i];
    finished(&c, same && c.rbx == 0x1122334455667788 && (c.rax & 0x3800) == 0x3800, "vector state: FXSAVE and FXRSTOR give back what was");
    held(&c, *(uint16_t *)area == 0x37f && (*(uint16_t *)(area + 2) & 0x3800) == 0x3000 && area[4] == 0xc0,
         "vector state: FXSAVE's FCW, FSW and abridged FTW");
    held(&c, *(uint32_t *)(area + 24) == 0x1fa0 && *(uint64_t *)(area + 160 + 240) == 0x1122334455667788,
         "vector state: FXSAVE's MXCSR and XMM15");
    *(uint32_t *)(area + 24) = 0x80000000;
    c = kernel64(fx_restore);
    c.rdi = AT(area);
    run(&c);
    tcg_differs("reserved bits of MXCSR are ignored");
    ended(&c, GP, 0, AT(fx_restore_at), "vector state: FXRSTOR of a reserved bit in MXCSR is #GP(0)");
    *(uint32_t *)area2 = 0x80000000;
    c = kernel64(set_mxcsr);
    c.rdi = AT(area2);
    run(&c);
    tcg_differs("reserved bits of MXCSR are ignored");
    ended(&c, GP, 0, AT(set_mxcsr_at), "vector state: LDMXCSR of a reserved bit is #GP(0)");
}

FRAGMENT(set_xcr, "set_xcr_at: xsetbv"); LABEL(set_xcr_at);
FRAGMENT(get_xcr, "get_xcr_at: xgetbv"); LABEL(get_xcr_at);
FRAGMENT(x_round, "movq %rbx, %xmm7\n xsave64 (%rdi)\n xorps %xmm7, %xmm7\n xrstor64 (%rdi)\n movq %xmm7, %rbx");
FRAGMENT(x_round_avx, "movq %rbx, %xmm0\n vinsertf128 $1, %xmm0, %ymm0, %ymm7\n xsave64 (%rdi)\n vzeroall\n xrstor64 (%rdi)\n"
                      "vextractf128 $1, %ymm7, %xmm1\n movq %xmm1, %rbx");
FRAGMENT(x_init, "movq %rbx, %xmm7\n xrstor64 (%rdi)\n movq %xmm7, %rbx");
FRAGMENT(x_save, "x_save_at: xsave64 (%rdi)"); LABEL(x_save_at);
FRAGMENT(x_restore, "x_restore_at: xrstor64 (%rdi)"); LABEL(x_restore_at);
FRAGMENT(x_opt, "xsaveopt64 (%rdi)"); FRAGMENT(x_compact, "x_compact_at: xsavec64 (%rdi)"); LABEL(x_compact_at);
FRAGMENT(x_compact_round, "movq %rbx, %xmm7\n xsavec64 (%rdi)\n xorps %xmm7, %xmm7\n xrstor64 (%rdi)\n movq %xmm7, %rbx");
FRAGMENT(x_all_init, "xrstor64 (%rdi)\n xsave64 (%rsi)");

static void clear(void)
{
    for (uint32_t i = 0; i < sizeof area; i++)
        area[i] = area2[i] = 0;
}

static struct context on_area(const char *fragment, uint32_t mask)
{
    struct context c = kernel64(fragment);
    c.rdi = AT(area);
    c.rax = mask;
    c.rbx = 0x1122334455667788;
    return c;
}

static void xcr0(bool avx)
{
    static const struct { uint32_t low, high; uint64_t index; const char *name; } refused[] = {
        { 2, 0, 0, "without x87" }, { 5, 0, 0, "AVX without SSE" }, { 3, 0x80000000, 0, "with bit 63" }, { 3, 0, 1, "of XCR1" },
        { 0x10003, 0, 0, "with a bit that is not offered" },
    };
    struct context c;
    for (uint32_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        c = kernel64(set_xcr);
        c.rax = refused[i].low;
        c.rdx = refused[i].high;
        c.rcx = refused[i].index;
        run(&c);
        ended(&c, GP, 0, AT(set_xcr_at), text("vector state: XSETBV %s is #GP(0)", refused[i].name));
    }
    c = user64(set_xcr);
    c.rax = 3;
    run(&c);
    ended(&c, GP, 0, USER_AT(set_xcr_at), "vector state: XSETBV in ring 3 is #GP(0)");
    c = user64(get_xcr);
    c.rcx = 0;
    run(&c);
    finished(&c, c.rax == (avx ? 7 : 3) && c.rdx == 0, "vector state: XGETBV in ring 3 gives XCR0");
    c = kernel64(get_xcr);
    c.rcx = 2;
    run(&c);
    ended(&c, GP, 0, AT(get_xcr_at), "vector state: XGETBV of XCR2 is #GP(0)");
    check(cpuid(0xd, 0).ebx == (avx ? 576 + 256 : 576), "vector state: CPUID's size follows XCR0");
    if (!avx)
        return;
    __asm__ volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
    check(cpuid(0xd, 0).ebx == 576 && cpuid(0xd, 0).ecx >= 576 + 256, "vector state: and shrinks with it, the largest does not");
    c = kernel64(use_avx);
    run(&c);
    ended(&c, UD, NO_ERROR, AT(use_avx), "vector state: AVX without its bit in XCR0 is #UD");
    __asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
    write_cr0(read_cr0() | CR0_TS);
    c = kernel64(use_avx);
    run(&c);
    write_cr0(read_cr0() & ~(uint64_t)CR0_TS);
    ended(&c, NM, NO_ERROR, AT(use_avx), "vector state: AVX with TS is #NM");
}

static void xsave(bool avx)
{
    volatile uint64_t *header = (volatile uint64_t *)(area + 512);
    clear();
    struct context c = on_area(x_round, 7);
    run(&c);
    finished(&c, c.rbx == 0x1122334455667788 && (header[0] & 2) && header[1] == 0, "vector state: XSAVE and XRSTOR of SSE");
    if (avx) {
        clear();
        c = on_area(x_round_avx, 7);
        run(&c);
        finished(&c, c.rbx == 0x1122334455667788 && (header[0] & 4) && *(uint64_t *)(area + 576 + 7 * 16) == c.rbx,
                 "vector state: XSAVE and XRSTOR of AVX, at offset 576");
    }
    clear();
    c = on_area(x_init, 7);
    *(uint32_t *)(area + 24) = 0x1f80;
    run(&c);
    finished(&c, c.rbx == 0, "vector state: XRSTOR of clear XSTATE_BV initializes");
    clear();
    c = on_area(x_init, 1);
    *(uint32_t *)(area + 24) = 0x1f80;
    run(&c);
    finished(&c, c.rbx == 0x1122334455667788, "vector state: but only what EDX:EAX names");
    clear();
    for (uint32_t i = 0; i < 16; i++)
        area[160 + i] = 0xaa;
    c = on_area(x_save, 1);
    run(&c);
    finished(&c, area[160] == 0xaa && !(header[0] & 2), "vector state: XSAVE leaves what EDX:EAX does not name");
    clear();
    c = on_area(x_all_init, 7);
    *(uint32_t *)(area + 24) = 0x1f80;
    c.rsi = AT(area2);
    run(&c);
    finished(&c, *(uint16_t *)area2 == 0x37f || !(area2[512] & 1), "vector state: XSAVE of initial x87 state: FCW is 0x37f, or not in use");

    static const struct { uint32_t offset, word; uint64_t value; const char *name; } refused[] = {
        { 8, 0, 0, "a misaligned area" }, { 0, 0, 1ull << 40, "a bit of XSTATE_BV that XCR0 has not" },
        { 0, 1, 1, "a bit of XCOMP_BV without bit 63" }, { 0, 2, 1, "bytes 23:16 of the header" },
    };
    for (uint32_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        clear();
        *(uint32_t *)(area + 24) = 0x1f80;
        header[refused[i].word] = refused[i].value;
        c = on_area(x_restore, 7);
        c.rdi += refused[i].offset;
        run(&c);
        ended(&c, GP, 0, AT(x_restore_at), text("vector state: XRSTOR of %s is #GP(0)", refused[i].name));
    }
    c = on_area(x_save, 7);
    c.rdi += 16;
    run(&c);
    ended(&c, GP, 0, AT(x_save_at), "vector state: XSAVE of a misaligned area is #GP(0)");
    if (BIT(leaf_xsave.eax, 0)) {
        clear();
        *(uint32_t *)(area + 24) = 0x1f80;
        c = on_area(x_opt, 7);
        __asm__ volatile("movq %0, %%xmm3" : : "r"(0x600df00dull));
        run(&c);
        finished(&c, (header[0] & 2) && *(uint64_t *)(area + 160 + 48) == 0x600df00d, "vector state: XSAVEOPT stores what is in use");
    } else
        skip("vector state: XSAVEOPT stores what is in use", "not offered");
    if (BIT(leaf_xsave.eax, 1)) {
        clear();
        c = on_area(x_compact_round, 7);
        run(&c);
        finished(&c, c.rbx == 0x1122334455667788 && header[1] == (1ull << 63 | (avx ? 7 : 3)), "vector state: XSAVEC and XRSTOR of its format");
        header[1] = 1ull << 63 | 1ull << 40;
        c = on_area(x_restore, 7);
        run(&c);
        ended(&c, GP, 0, AT(x_restore_at), "vector state: XRSTOR of XCOMP_BV beyond XCR0 is #GP(0)");
    } else
        skip("vector state: XSAVEC", "not offered");
    c = kernel64(use_xsave);
    c.rdi = AT(area);
    write_cr0(read_cr0() | CR0_TS);
    run(&c);
    write_cr0(read_cr0() & ~(uint64_t)CR0_TS);
    tcg_differs("XSAVE does not look at TS");
    held(&c, c.vector == NM, "vector state: XSAVE with TS is #NM");
}

void test_vector_state(void)
{
    controls();
    fxsave();
    if (!BIT(leaf1.ecx, 26)) {
        skip("vector state: XSAVE", "not offered");
        return;
    }
    bool avx = BIT(leaf1.ecx, 28);
    write_cr4(read_cr4() | CR4_OSXSAVE);
    __asm__ volatile("xsetbv" : : "a"(avx ? 7 : 3), "d"(0), "c"(0));
    xcr0(avx);
    xsave(avx);
}
