/* CPUID against what executes, and MSRs.
 *
 * A feature bit that is set promises that an instance of its instructions
 * executes; one that is clear, #UD where the encoding has no older meaning.
 * Specification: Intel SDM volume 2, CPUID and each instruction; volume 4; AMD
 * APM volume 3, appendix D. Deliberately absent: AVX-512, cache and topology
 * leaves, machine-check and performance MSRs. */
#include "processor.h"

static uint8_t memory[128] __attribute__((aligned(64)));

#define INSTANCE(name, text) FRAGMENT(has_##name, text)
INSTANCE(sse3, "addsubps %xmm0, %xmm0"); INSTANCE(ssse3, "pshufb %xmm0, %xmm0"); INSTANCE(cx16, "cmpxchg16b (%rdi)");
INSTANCE(sse41, "pmulld %xmm0, %xmm0"); INSTANCE(sse42, "crc32l %eax, %eax"); INSTANCE(movbe, "movbe (%rdi), %eax");
INSTANCE(popcnt, "popcnt %eax, %eax"); INSTANCE(aes, "aesenc %xmm0, %xmm0"); INSTANCE(pclmul, "pclmulqdq $0, %xmm0, %xmm0");
INSTANCE(rdrand, "rdrand %eax"); INSTANCE(rdseed, "rdseed %eax"); INSTANCE(bmi1, "andn %eax, %eax, %eax");
INSTANCE(bmi2, "pdep %eax, %eax, %eax"); INSTANCE(adx, "adcx %eax, %eax"); INSTANCE(clflush, "clflush (%rdi)");
INSTANCE(clflushopt, "clflushopt (%rdi)"); INSTANCE(rdpid, "rdpid %rax"); INSTANCE(rdtscp, "rdtscp");
INSTANCE(invpcid, "movl $2, %eax\n invpcid (%rdi), %rax"); INSTANCE(smap, "stac\n clac"); INSTANCE(lahf, "lahf\n sahf");
INSTANCE(xgetbv, "xorl %ecx, %ecx\n xgetbv"); INSTANCE(fma, "vfmadd213ps %xmm0, %xmm0, %xmm0"); INSTANCE(avx, "vaddps %ymm0, %ymm0, %ymm0");
INSTANCE(avx2, "vpaddd %ymm0, %ymm0, %ymm0"); INSTANCE(f16c, "vcvtph2ps %xmm0, %xmm0"); INSTANCE(fsgsbase, "rdfsbase %rax");
INSTANCE(fxsr, "fxsave (%rdi)"); INSTANCE(cx8, "cmpxchg8b (%rdi)"); INSTANCE(cmov, "cmove %eax, %eax"); INSTANCE(mmx, "pxor %mm0, %mm0\n emms");
INSTANCE(sse2, "paddq %xmm0, %xmm0"); INSTANCE(clwb, "clwb (%rdi)"); INSTANCE(sha, "sha1msg1 %xmm0, %xmm0");
INSTANCE(gfni, "gf2p8mulb %xmm0, %xmm0"); INSTANCE(sse4a, "extrq %xmm0, %xmm0"); INSTANCE(prefetchw, "prefetchw (%rdi)");
INSTANCE(xsaveopt, "xorl %eax, %eax\n xorl %edx, %edx\n leaq fxsave_area(%rip), %rdi\n xsaveopt (%rdi)");
INSTANCE(xsavec, "xorl %eax, %eax\n xorl %edx, %edx\n leaq fxsave_area(%rip), %rdi\n xsavec (%rdi)");
INSTANCE(lzcnt, "movl $1, %ecx\n lzcnt %ecx, %eax"); INSTANCE(tzcnt, "movl $4, %eax\n xorl %ecx, %ecx\n tzcnt %ecx, %eax");
extern uint8_t fxsave_area[];
uint8_t fxsave_area[1024] __attribute__((aligned(64)));

static void instructions(void)
{
    bool avx = BIT(leaf1.ecx, 28);
    const struct { const char *fragment, *name; bool offered; bool undefined; } cases[] = {
        { has_cx8, "CX8", BIT(leaf1.edx, 8), true }, { has_cmov, "CMOV", BIT(leaf1.edx, 15), true },
        { has_mmx, "MMX", BIT(leaf1.edx, 23), true }, { has_fxsr, "FXSR", BIT(leaf1.edx, 24), true },
        { has_sse2, "SSE2", BIT(leaf1.edx, 26), true }, { has_clflush, "CLFSH", BIT(leaf1.edx, 19), false },
        { has_sse3, "SSE3", BIT(leaf1.ecx, 0), true }, { has_pclmul, "PCLMULQDQ", BIT(leaf1.ecx, 1), true },
        { has_ssse3, "SSSE3", BIT(leaf1.ecx, 9), true }, { has_cx16, "CX16", BIT(leaf1.ecx, 13), true },
        { has_sse41, "SSE4.1", BIT(leaf1.ecx, 19), true }, { has_sse42, "SSE4.2", BIT(leaf1.ecx, 20), true },
        { has_movbe, "MOVBE", BIT(leaf1.ecx, 22), true }, { has_popcnt, "POPCNT", BIT(leaf1.ecx, 23), true },
        { has_aes, "AES", BIT(leaf1.ecx, 25), true }, { has_xgetbv, "XSAVE", BIT(leaf1.ecx, 26), true },
        { has_rdrand, "RDRAND", BIT(leaf1.ecx, 30), true }, { has_avx, "AVX", avx, true },
        { has_fma, "FMA", BIT(leaf1.ecx, 12), true }, { has_f16c, "F16C", BIT(leaf1.ecx, 29), true },
        { has_avx2, "AVX2", BIT(leaf7.ebx, 5), true }, { has_fsgsbase, "FSGSBASE", BIT(leaf7.ebx, 0), true },
        { has_bmi1, "BMI1", BIT(leaf7.ebx, 3), true }, { has_bmi2, "BMI2", BIT(leaf7.ebx, 8), true },
        { has_invpcid, "INVPCID", BIT(leaf7.ebx, 10), true }, { has_rdseed, "RDSEED", BIT(leaf7.ebx, 18), true },
        { has_adx, "ADX", BIT(leaf7.ebx, 19), true }, { has_smap, "SMAP", BIT(leaf7.ebx, 20), true },
        { has_clflushopt, "CLFLUSHOPT", BIT(leaf7.ebx, 23), false }, { has_clwb, "CLWB", BIT(leaf7.ebx, 24), false },
        { has_sha, "SHA", BIT(leaf7.ebx, 29), true }, { has_gfni, "GFNI", BIT(leaf7.ecx, 8), true },
        { has_rdpid, "RDPID", BIT(leaf7.ecx, 22), true }, { has_lahf, "LAHF", BIT(leaf_extended.ecx, 0), true },
        { has_sse4a, "SSE4A", BIT(leaf_extended.ecx, 6), true }, { has_rdtscp, "RDTSCP", BIT(leaf_extended.edx, 27), true },
        { has_prefetchw, "PREFETCHW", BIT(leaf_extended.ecx, 8), false },
        { has_xsaveopt, "XSAVEOPT", BIT(leaf_xsave.eax, 0), true }, { has_xsavec, "XSAVEC", BIT(leaf_xsave.eax, 1), true },
    };
    bool xsave = BIT(leaf1.ecx, 26);
    if (xsave) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
        __asm__ volatile("xsetbv" : : "a"(avx ? 7 : 3), "d"(0), "c"(0));
    }
    if (BIT(leaf7.ebx, 0))
        write_cr4(read_cr4() | CR4_FSGSBASE);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct context c = kernel64(cases[i].fragment);
        c.rdi = AT(cases[i].fragment == has_fxsr ? fxsave_area : memory);
        run(&c);
        if (cases[i].offered)
            finished(&c, true, text("features: %s is offered and executes", cases[i].name));
        else if (cases[i].undefined) {
            if (cases[i].fragment == has_rdseed)
                tcg_differs("RDSEED executes without its bit");
            held(&c, c.vector == UD, text("features: %s is not offered and #UD", cases[i].name));
        } else
            skip(text("features: %s", cases[i].name), "not offered, but its encoding may be valid");
    }
    struct context c = kernel64(has_lzcnt);
    run(&c);
    finished(&c, (uint32_t)c.rax == (BIT(leaf_extended.ecx, 5) ? 31 : 0), "features: LZCNT, or BSR where it is not offered");
    c = kernel64(has_tzcnt);
    run(&c);
    finished(&c, (uint32_t)c.rax == (BIT(leaf7.ebx, 3) ? 32 : 4), "features: TZCNT, or BSF where BMI1 is not offered");
    if (xsave) {
        write_cr4(read_cr4() & ~(uint64_t)CR4_OSXSAVE);
        check(!BIT(cpuid(1, 0).ecx, 27), "features: CPUID's OSXSAVE is clear with CR4's");
        c = kernel64(has_xgetbv);
        run(&c);
        ended(&c, UD, NO_ERROR, 0, "features: XGETBV without CR4.OSXSAVE is #UD");
        if (avx) {
            c = kernel64(has_avx);
            run(&c);
            ended(&c, UD, NO_ERROR, 0, "features: AVX without CR4.OSXSAVE is #UD");
        }
        write_cr4(read_cr4() | CR4_OSXSAVE);
        check(BIT(cpuid(1, 0).ecx, 27), "features: and set with it");
    }
}

FRAGMENT(all_ones_cpuid, "movabsq $0xffffffff00000001, %rax\n cpuid");
FRAGMENT(set_bit_cr4, "set_bit_cr4_at: movq %rax, %cr4"); LABEL(set_bit_cr4_at);

static void leaves(void)
{
    struct cpuid zero = cpuid(0, 0), extended = cpuid(0x80000000, 0);
    check(zero.eax >= 1, "features: leaf 1 exists");
    check((zero.ebx == 0x756e6547 && zero.edx == 0x49656e69 && zero.ecx == 0x6c65746e)
          || (zero.ebx == 0x68747541 && zero.edx == 0x69746e65 && zero.ecx == 0x444d4163),
          "features: the vendor is Intel or AMD");
    check(extended.eax >= 0x80000008, "features: leaf 0x80000008 exists");
    uint32_t widths = cpuid(0x80000008, 0).eax;
    check((widths & 0xff) >= 36 && (widths & 0xff) <= 52 && (widths >> 8 & 0xff) >= 48, "features: widths of addresses");
    check(BIT(leaf_extended.edx, 29) && BIT(leaf_extended.edx, 11), "features: long mode and SYSCALL are offered");
    const uint32_t wanted = 1 << 0 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 15 | 1 << 24 | 1 << 25 | 1 << 26;
    check((leaf1.edx & wanted) == wanted, "features: what every 64-bit processor has in leaf 1");
    check(!BIT(leaf1.ecx, 12) || BIT(leaf1.ecx, 28), "features: FMA comes with AVX");
    check(!BIT(leaf1.ecx, 28) || BIT(leaf1.ecx, 26), "features: AVX comes with XSAVE");
    struct context c = kernel64(all_ones_cpuid);
    c.rax = c.rbx = c.rcx = c.rdx = UINT64_MAX;
    run(&c);
    finished(&c, (c.rax | c.rbx | c.rcx | c.rdx) >> 32 == 0, "features: CPUID clears the upper halves of its registers");

    static const struct { uint32_t bit; const char *name; } controls[] = {
        { 11, "UMIP" }, { 16, "FSGSBASE" }, { 18, "OSXSAVE" }, { 20, "SMEP" }, { 21, "SMAP" },
    };
    const bool offered[] = { BIT(leaf7.ecx, 2), BIT(leaf7.ebx, 0), BIT(leaf1.ecx, 26), BIT(leaf7.ebx, 7), BIT(leaf7.ebx, 20) };
    for (uint32_t i = 0; i < 5; i++) {
        if (peer_is_tcg && !offered[i]) {
            skip(text("features: CR4.%s is #GP(0), as it is not offered", controls[i].name), "TCG: it stops for good");
            continue;
        }
        uint64_t usual = read_cr4();
        c = kernel64(set_bit_cr4);
        c.rax = usual | 1u << controls[i].bit;
        run(&c);
        uint64_t after = read_cr4();
        write_cr4(usual);
        if (offered[i])
            finished(&c, after & 1u << controls[i].bit, text("features: CR4.%s can be set, as it is offered", controls[i].name));
        else
            ended(&c, GP, 0, AT(set_bit_cr4_at), text("features: CR4.%s is #GP(0), as it is not offered", controls[i].name));
    }
}

FRAGMENT(read_msr, "read_msr_at: rdmsr"); LABEL(read_msr_at);
FRAGMENT(set_msr, "set_msr_at: wrmsr"); LABEL(set_msr_at);
FRAGMENT(read_tscp, "rdtscp\n movl %ecx, %ebx"); FRAGMENT(read_pid, "rdpid %rbx");

static uint64_t tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void msrs(void)
{
    struct context c = kernel64(read_msr);
    c.rcx = 0x12345678;
    run(&c);
    tcg_differs("unknown MSRs read as 0");
    ended(&c, GP, 0, AT(read_msr_at), "MSRs: RDMSR of one that is not there is #GP(0)");
    c = kernel64(set_msr);
    c.rcx = 0x12345678;
    run(&c);
    tcg_differs("unknown MSRs take anything");
    ended(&c, GP, 0, AT(set_msr_at), "MSRs: WRMSR of one that is not there is #GP(0)");
    static const uint32_t kept[] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP };
    for (uint32_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        uint64_t usual = rdmsr(kept[i]), value = 0x00007fff12345678ull;
        wrmsr(kept[i], value);
        uint64_t read = rdmsr(kept[i]);
        wrmsr(kept[i], usual);
        check(read == value || (kept[i] >> 16 == 0 && is_amd && read == (uint32_t)value), text("MSRs: %x keeps what is written", kept[i]));
    }
    wrmsr(MSR_FMASK, 0xffffffff);
    check(rdmsr(MSR_FMASK) == 0xffffffff, "MSRs: FMASK has 32 bits");
    wrmsr(MSR_FMASK, 0);
    c = kernel64(read_msr);
    c.rcx = MSR_LSTAR;
    c.rax = c.rdx = UINT64_MAX;
    uint64_t usual = rdmsr(MSR_LSTAR);
    wrmsr(MSR_LSTAR, 0xffff800012345678);
    run(&c);
    wrmsr(MSR_LSTAR, usual);
    finished(&c, c.rax == 0x12345678 && c.rdx == 0xffff8000, "MSRs: RDMSR clears the upper halves of RAX and RDX");

    uint64_t first = tsc();
    bool rising = true;
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t next = tsc();
        rising &= next >= first;
        first = next;
    }
    check(rising, "MSRs: RDTSC never goes back");
    uint64_t before = tsc(), middle = rdmsr(MSR_TSC), after = tsc();
    tcg_differs("MSR 0x10 cannot be read");
    check(before <= middle && middle <= after, "MSRs: the TSC's MSR is what RDTSC gives");
    if (BIT(leaf7.ebx, 1)) {
        uint64_t adjust = rdmsr(MSR_TSC_ADJUST), now = tsc();
        wrmsr(MSR_TSC_ADJUST, adjust + (1ull << 40));
        uint64_t later = tsc();
        check(later - now >= 1ull << 40 && later - now < 1ull << 41, "MSRs: TSC_ADJUST moves the TSC");
        wrmsr(MSR_TSC_ADJUST, adjust);
        wrmsr(MSR_TSC, tsc() + (1ull << 40));
        check(rdmsr(MSR_TSC_ADJUST) - adjust >= 1ull << 39, "MSRs: a write of the TSC moves TSC_ADJUST");
        wrmsr(MSR_TSC_ADJUST, adjust);
    } else
        skip("MSRs: TSC_ADJUST", "not offered");
    if (BIT(leaf_extended.edx, 27)) {
        wrmsr(MSR_TSC_AUX, 0x1234567);
        c = user64(read_tscp);
        run(&c);
        finished(&c, c.rbx == 0x1234567, "MSRs: RDTSCP gives TSC_AUX");
        if (BIT(leaf7.ecx, 22)) {
            c = user64(read_pid);
            run(&c);
            finished(&c, c.rbx == 0x1234567, "MSRs: so does RDPID");
        }
    }
}

void test_features(void)
{
    leaves();
    instructions();
    msrs();
}
