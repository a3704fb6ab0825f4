using System.Text;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// What the processor of this library is: CPUID as a guest sees it that runs on it alone (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E). It is
/// an x86-64-v3 processor without AVX and what builds on it. Every feature that stands here is implemented; whoever owns the machine adds its
/// topology, APIC id, paravirtual leaves and what its devices offer. OSXSAVE and the size in leaf 0xD follow the state when the guest asks.
/// The host keeps the registers behind these features: STAR, LSTAR, CSTAR and FMASK (0xc0000081 and on), KERNEL_GS_BASE (0xc0000102), TSC_AUX
/// (0xc0000103), the time-stamp counter (0x10), the APIC's base (0x1b), and SYSENTER's three (0x174 and on).
/// </summary>
public static class SoftwareCpuid
{
    private const string Brand = "hvrun software processor";
    private const uint MaximumBasic = 0xd;
    private const uint MaximumExtended = 0x80000008;

    /// <summary>Family 15, model 107, stepping 1, which kernels know as a plain 64-bit processor.</summary>
    private const uint Signature = 0x0006_0fb1;

    private const uint LinearAddressBits = 48;
    private const uint PhysicalAddressBits = 46;

    /// <summary>The leaves, in ascending order.</summary>
    public static IReadOnlyList<CpuidLeaf> Leaves { get; } = Make();

    private static CpuidLeaf[] Make()
    {
        // "AuthenticAMD" in EBX, EDX, ECX.
        var (ebx, edx, ecx) = (0x6874_7541u, 0x6974_6e65u, 0x444d_4163u);
        var brand = new byte[48];
        Encoding.ASCII.GetBytes(Brand, brand);
        return
        [
            new(0, 0, false, MaximumBasic, ebx, ecx, edx),
            new(1, 0, false, Signature, 8 << 8, BasicEcx, BasicEdx),
            new(7, 0, true, 0, StructuredEbx, StructuredEcx, 0),
            new(0xd, 0, true, 3, 576, 576, 0),
            new(0xd, 1, true, XsaveEax, 576, 0, 0),
            new(0x80000000, 0, false, MaximumExtended, ebx, ecx, edx),
            new(0x80000001, 0, false, Signature, 0, ExtendedEcx, ExtendedEdx),
            BrandLeaf(0x80000002, brand),
            BrandLeaf(0x80000003, brand),
            BrandLeaf(0x80000004, brand),
            new(0x80000005, 0, false, 0, 0, 0, 0),
            new(0x80000006, 0, false, 0, 0, 0, 0),
            new(0x80000007, 0, false, 0, 0, 0, 0),
            new(0x80000008, 0, false, (LinearAddressBits << 8) | PhysicalAddressBits, 0, 0, 0),
        ];
    }

    private static CpuidLeaf BrandLeaf(uint leaf, ReadOnlySpan<byte> brand)
    {
        var part = brand.Slice(16 * (int)(leaf - 0x80000002), 16);
        return new CpuidLeaf(leaf, 0, false, BitConverter.ToUInt32(part), BitConverter.ToUInt32(part[4..]), BitConverter.ToUInt32(part[8..]), BitConverter.ToUInt32(part[12..]));
    }

    // One bit a line would be the data sheet again; these read as its rows do, from bit 0 up.
    private const uint BasicEdx = Fpu | (1 << 2) /* DE */ | (1 << 3) /* PSE */ | (1 << 4) /* TSC */ | (1 << 5) /* MSR */ | (1 << 6) /* PAE */ |
        (1 << 8) /* CX8 */ | (1 << 9) /* APIC */ | (1 << 11) /* SEP */ | (1 << 13) /* PGE */ | (1 << 15) /* CMOV */ | (1 << 17) /* PSE36 */ |
        (1 << 19) /* CLFSH */ | (1 << 23) /* MMX */ | (1 << 24) /* FXSR */ | (1 << 25) /* SSE */ | (1 << 26) /* SSE2 */;

    private const uint BasicEcx = (1 << 0) /* SSE3 */ | (1 << 9) /* SSSE3 */ | (1 << 13) /* CX16 */ | (1 << 17) /* PCID */ | (1 << 19) /* SSE4.1 */ |
        (1 << 20) /* SSE4.2 */ | (1 << 22) /* MOVBE */ | (1 << 23) /* POPCNT */ | (1 << 26) /* XSAVE */ | (1 << 30) /* RDRAND */ |
        (1u << 31) /* hypervisor */;

    private const uint StructuredEbx = (1 << 0) /* FSGSBASE */ | (1 << 3) /* BMI1 */ | (1 << 7) /* SMEP */ | (1 << 8) /* BMI2 */ | (1 << 9) /* ERMS */ |
        (1 << 10) /* INVPCID */ | (1 << 18) /* RDSEED */ | (1 << 19) /* ADX */ | (1 << 20) /* SMAP */ | (1 << 23) /* CLFLUSHOPT */ | (1 << 24) /* CLWB */;

    private const uint StructuredEcx = (1 << 2) /* UMIP */ | (1 << 22) /* RDPID */;

    private const uint XsaveEax = (1 << 0) /* XSAVEOPT */ | (1 << 1) /* XSAVEC */ | (1 << 2) /* XGETBV with ECX 1 */;

    // Fields that AMD repeats from leaf 1, without those that Intel alone has.
    private const uint ExtendedEdx = (BasicEdx & 0x0183_f3ff & ~(1u << 11)) | (1 << 11) /* SYSCALL */ | (1 << 20) /* NX */ |
        (1 << 26) /* 1 GiB pages */ | (1 << 27) /* RDTSCP */ | (1 << 29) /* LM */;

    private const uint ExtendedEcx = (1 << 0) /* LAHF in 64-bit mode */ | (1 << 5) /* ABM */ | (1 << 8) /* PREFETCHW */;

    private const uint Fpu = 1 << 0;
}
