using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Which instructions a guest's CPUID permits: the features that the decoder's tables name for each instruction, and the CPUID bit of each
/// (SDM vol. 2, CPUID; AMD APM vol. 3, appendix D). Computed once for a processor. Instructions of no feature, those of the 8086 to the i486,
/// always run; those of makers and processors that have no bit here never do.
/// </summary>
internal static class FeatureGate
{
    private enum Output : byte
    {
        Always,
        Never,
        Eax,
        Ebx,
        Ecx,
        Edx,
    }

    private readonly record struct Bit(uint Leaf, uint Index, Output Register, int Number);

    /// <summary>The bitmap over <see cref="Code"/>.</summary>
    public static ulong[] ReadPermitted<THost>(ref THost host)
        where THost : struct, IProcessorHost
    {
        var codes = Enum.GetValues<Code>();
        var features = new bool[Enum.GetValues<CpuidFeature>().Max(feature => (int)feature) + 1];
        foreach (var feature in Enum.GetValues<CpuidFeature>())
        {
            features[(int)feature] = IsAdvertised(ref host, feature);
        }

        var permitted = new ulong[(codes.Length + 63) / 64];
        foreach (var code in codes)
        {
            if (Array.TrueForAll(code.CpuidFeatures(), feature => features[(int)feature]))
            {
                permitted[(int)code >> 6] |= 1UL << (int)code;
            }
        }

        return permitted;
    }

    /// <summary>
    /// Instructions in encodings that processors without their feature take for NOP (SDM vol. 2, table A-3, "reserved NOP"): they never raise #UD.
    /// </summary>
    public static bool IsHint(Code code) => code.Mnemonic() is Mnemonic.Endbr32 or Mnemonic.Endbr64 or Mnemonic.Rdsspd or Mnemonic.Rdsspq or
        Mnemonic.Cldemote or Mnemonic.Nop or Mnemonic.Reservednop or Mnemonic.Pause or
        Mnemonic.Prefetch or Mnemonic.Prefetchw or Mnemonic.Prefetchwt1 or Mnemonic.Prefetchit0 or Mnemonic.Prefetchit1 or
        Mnemonic.Bndcl or Mnemonic.Bndcn or Mnemonic.Bndcu or Mnemonic.Bndldx or Mnemonic.Bndmk or Mnemonic.Bndmov or Mnemonic.Bndstx;

    /// <summary>Bits that CR4 may hold: those of advertised features, or all that the executor knows.</summary>
    public static ulong Cr4Bits(in CpuidLeaf basic, in CpuidLeaf structured, bool all)
    {
        ulong bits = ControlBit.Cr4Pce;
        Add(basic.Edx, 4, ControlBit.Cr4Tsd);
        Add(basic.Edx, 2, ControlBit.Cr4De);
        Add(basic.Edx, 3, ControlBit.Cr4Pse);
        Add(basic.Edx, 6, ControlBit.Cr4Pae);
        Add(basic.Edx, 7, ControlBit.Cr4Mce);
        Add(basic.Edx, 13, ControlBit.Cr4Pge);
        Add(basic.Edx, 24, ControlBit.Cr4Osfxsr);
        Add(basic.Edx, 25, ControlBit.Cr4Osxmmexcpt);
        Add(basic.Ecx, 17, ControlBit.Cr4Pcide);
        Add(basic.Ecx, 26, ControlBit.Cr4Osxsave);
        Add(structured.Ecx, 2, ControlBit.Cr4Umip);
        Add(structured.Ecx, 16, ControlBit.Cr4La57);
        Add(structured.Ebx, 0, ControlBit.Cr4Fsgsbase);
        Add(structured.Ebx, 7, ControlBit.Cr4Smep);
        Add(structured.Ebx, 20, ControlBit.Cr4Smap);
        return bits;

        void Add(uint register, int number, ulong bit) => bits |= all || (register & (1u << number)) != 0 ? bit : 0;
    }

    private static bool IsAdvertised<THost>(ref THost host, CpuidFeature feature)
        where THost : struct, IProcessorHost
    {
        var bit = BitOf(feature);
        if (bit.Register is Output.Always or Output.Never)
        {
            return bit.Register == Output.Always;
        }

        if (!host.TryGetCpuid(bit.Leaf, bit.Index, out var leaf))
        {
            return false;
        }

        var register = bit.Register switch { Output.Eax => leaf.Eax, Output.Ebx => leaf.Ebx, Output.Ecx => leaf.Ecx, _ => leaf.Edx };
        return (register & (1u << bit.Number)) != 0;
    }

    private static Bit Basic(Output register, int number) => new(1, 0, register, number);

    private static Bit Structured(Output register, int number) => new(7, 0, register, number);

    private static Bit Structured1(Output register, int number) => new(7, 1, register, number);

    private static Bit Extended(Output register, int number) => new(0x80000001, 0, register, number);

    private static Bit BitOf(CpuidFeature feature) => feature switch
    {
        CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386 or CpuidFeature.INTEL486 or
            CpuidFeature.CPUID or CpuidFeature.PAUSE or CpuidFeature.RDPMC or CpuidFeature.MULTIBYTENOP => new(0, 0, Output.Always, 0),

        CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 => Basic(Output.Edx, 0),
        CpuidFeature.TSC => Basic(Output.Edx, 4),
        CpuidFeature.MSR => Basic(Output.Edx, 5),
        CpuidFeature.CX8 => Basic(Output.Edx, 8),
        CpuidFeature.SEP => Basic(Output.Edx, 11),
        CpuidFeature.CMOV => Basic(Output.Edx, 15),
        CpuidFeature.CLFSH => Basic(Output.Edx, 19),
        CpuidFeature.MMX => Basic(Output.Edx, 23),
        CpuidFeature.FXSR => Basic(Output.Edx, 24),
        CpuidFeature.SSE => Basic(Output.Edx, 25),
        CpuidFeature.SSE2 => Basic(Output.Edx, 26),
        CpuidFeature.SSE3 => Basic(Output.Ecx, 0),
        CpuidFeature.PCLMULQDQ => Basic(Output.Ecx, 1),
        CpuidFeature.MONITOR => Basic(Output.Ecx, 3),
        CpuidFeature.VMX => Basic(Output.Ecx, 5),
        CpuidFeature.SMX => Basic(Output.Ecx, 6),
        CpuidFeature.SSSE3 => Basic(Output.Ecx, 9),
        CpuidFeature.FMA => Basic(Output.Ecx, 12),
        CpuidFeature.CMPXCHG16B => Basic(Output.Ecx, 13),
        CpuidFeature.SSE4_1 => Basic(Output.Ecx, 19),
        CpuidFeature.SSE4_2 => Basic(Output.Ecx, 20),
        CpuidFeature.MOVBE => Basic(Output.Ecx, 22),
        CpuidFeature.POPCNT => Basic(Output.Ecx, 23),
        CpuidFeature.AES => Basic(Output.Ecx, 25),
        CpuidFeature.XSAVE => Basic(Output.Ecx, 26),
        CpuidFeature.AVX => Basic(Output.Ecx, 28),
        CpuidFeature.F16C => Basic(Output.Ecx, 29),
        CpuidFeature.RDRAND => Basic(Output.Ecx, 30),

        CpuidFeature.FSGSBASE => Structured(Output.Ebx, 0),
        CpuidFeature.BMI1 => Structured(Output.Ebx, 3),
        CpuidFeature.HLE => Structured(Output.Ebx, 4),
        CpuidFeature.AVX2 => Structured(Output.Ebx, 5),
        CpuidFeature.BMI2 => Structured(Output.Ebx, 8),
        CpuidFeature.INVPCID => Structured(Output.Ebx, 10),
        CpuidFeature.RTM or CpuidFeature.HLE_or_RTM => Structured(Output.Ebx, 11),
        CpuidFeature.MPX => Structured(Output.Ebx, 14),
        CpuidFeature.AVX512F => Structured(Output.Ebx, 16),
        CpuidFeature.AVX512DQ => Structured(Output.Ebx, 17),
        CpuidFeature.RDSEED => Structured(Output.Ebx, 18),
        CpuidFeature.ADX => Structured(Output.Ebx, 19),
        CpuidFeature.SMAP => Structured(Output.Ebx, 20),
        CpuidFeature.AVX512_IFMA => Structured(Output.Ebx, 21),
        CpuidFeature.CLFLUSHOPT => Structured(Output.Ebx, 23),
        CpuidFeature.CLWB => Structured(Output.Ebx, 24),
        CpuidFeature.AVX512PF => Structured(Output.Ebx, 26),
        CpuidFeature.AVX512ER => Structured(Output.Ebx, 27),
        CpuidFeature.AVX512CD => Structured(Output.Ebx, 28),
        CpuidFeature.SHA => Structured(Output.Ebx, 29),
        CpuidFeature.AVX512BW => Structured(Output.Ebx, 30),
        CpuidFeature.AVX512VL => Structured(Output.Ebx, 31),
        CpuidFeature.PREFETCHWT1 => Structured(Output.Ecx, 0),
        CpuidFeature.AVX512_VBMI => Structured(Output.Ecx, 1),
        CpuidFeature.PKU => Structured(Output.Ecx, 3),
        CpuidFeature.WAITPKG => Structured(Output.Ecx, 5),
        CpuidFeature.AVX512_VBMI2 => Structured(Output.Ecx, 6),
        CpuidFeature.CET_SS => Structured(Output.Ecx, 7),
        CpuidFeature.GFNI => Structured(Output.Ecx, 8),
        CpuidFeature.VAES => Structured(Output.Ecx, 9),
        CpuidFeature.VPCLMULQDQ => Structured(Output.Ecx, 10),
        CpuidFeature.AVX512_VNNI => Structured(Output.Ecx, 11),
        CpuidFeature.AVX512_BITALG => Structured(Output.Ecx, 12),
        CpuidFeature.AVX512_VPOPCNTDQ => Structured(Output.Ecx, 14),
        CpuidFeature.RDPID => Structured(Output.Ecx, 22),
        CpuidFeature.CLDEMOTE => Structured(Output.Ecx, 25),
        CpuidFeature.MOVDIRI => Structured(Output.Ecx, 27),
        CpuidFeature.MOVDIR64B => Structured(Output.Ecx, 28),
        CpuidFeature.ENQCMD => Structured(Output.Ecx, 29),
        CpuidFeature.AVX512_VP2INTERSECT => Structured(Output.Edx, 8),
        CpuidFeature.SERIALIZE => Structured(Output.Edx, 14),
        CpuidFeature.TSXLDTRK => Structured(Output.Edx, 16),
        CpuidFeature.PCONFIG => Structured(Output.Edx, 18),
        CpuidFeature.CET_IBT => Structured(Output.Edx, 20),
        CpuidFeature.AVX512_FP16 => Structured(Output.Edx, 23),
        CpuidFeature.AVX_VNNI => Structured1(Output.Eax, 4),
        CpuidFeature.AVX512_BF16 => Structured1(Output.Eax, 5),
        CpuidFeature.CMPCCXADD => Structured1(Output.Eax, 7),
        CpuidFeature.AVX_IFMA => Structured1(Output.Eax, 23),
        CpuidFeature.PREFETCHITI => Structured1(Output.Edx, 14),

        CpuidFeature.XSAVEOPT => new(0xd, 1, Output.Eax, 0),
        CpuidFeature.XSAVEC => new(0xd, 1, Output.Eax, 1),
        CpuidFeature.XSAVES => new(0xd, 1, Output.Eax, 3),

        CpuidFeature.SVM => Extended(Output.Ecx, 2),
        CpuidFeature.LZCNT => Extended(Output.Ecx, 5),
        CpuidFeature.SSE4A => Extended(Output.Ecx, 6),
        CpuidFeature.PREFETCHW => Extended(Output.Ecx, 8),
        CpuidFeature.XOP => Extended(Output.Ecx, 11),
        CpuidFeature.SKINIT or CpuidFeature.SKINIT_or_SVM => Extended(Output.Ecx, 12),
        CpuidFeature.FMA4 => Extended(Output.Ecx, 16),
        CpuidFeature.TBM => Extended(Output.Ecx, 21),
        CpuidFeature.MONITORX => Extended(Output.Ecx, 29),
        CpuidFeature.SYSCALL => Extended(Output.Edx, 11),
        CpuidFeature.RDTSCP => Extended(Output.Edx, 27),
        CpuidFeature.X64 => Extended(Output.Edx, 29),
        CpuidFeature.D3NOWEXT => Extended(Output.Edx, 30),
        CpuidFeature.D3NOW => Extended(Output.Edx, 31),
        CpuidFeature.CLZERO => new(0x80000008, 0, Output.Ebx, 0),
        CpuidFeature.RDPRU => new(0x80000008, 0, Output.Ebx, 4),
        CpuidFeature.MCOMMIT => new(0x80000008, 0, Output.Ebx, 8),
        CpuidFeature.WBNOINVD => new(0x80000008, 0, Output.Ebx, 9),

        // Old single processors, other makers, and features that no hvrun processor will have.
        _ => new(0, 0, Output.Never, 0),
    };
}
