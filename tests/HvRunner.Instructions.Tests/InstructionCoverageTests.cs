using Iced.Intel;

namespace HvRunner.Instructions.Tests;

/// <summary>
/// Every instruction of the levels named below, in every form and mode that has it, is executed or refused with an exception that the
/// processor would raise: none is unsupported.
/// </summary>
public class InstructionCoverageTests
{
    private static readonly HashSet<CpuidFeature> Levels =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL8086_ONLY, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
        CpuidFeature.X64, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.CMOV, CpuidFeature.MMX, CpuidFeature.SSE,
        CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.POPCNT, CpuidFeature.LZCNT,
        CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.ADX, CpuidFeature.MOVBE, CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.CLFSH,
        CpuidFeature.CLFLUSHOPT, CpuidFeature.PREFETCHW, CpuidFeature.CET_IBT, CpuidFeature.CET_SS, CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE,
        CpuidFeature.FXSR,
    ];

    // Ports belong to the machine, not to the processor; system instructions and far transfers have their own tests.
    private static bool IsWanted(Code code)
    {
        var info = code.ToOpCode();
        var isFar = code.IsJmpFar() || code.IsJmpFarIndirect() || code.IsCallFar() || code.IsCallFarIndirect();
        return !isFar && info.Cpl3 && !info.IsInputOutput && !info.IsPrivileged && code.CpuidFeatures().All(Levels.Contains);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void EveryInstructionOfTheLevel_IsSupported(int bitness)
    {
        var random = new Random(20260722);
        var missing = new List<string>();
        var stepped = 0;
        foreach (var code in Enum.GetValues<Code>().Where(IsWanted))
        {
            foreach (var wantsMemory in new[] { false, true })
            {
                var guest = bitness switch { 16 => GuestProcessor.Real(), 32 => GuestProcessor.Protected(), _ => GuestProcessor.Long() };
                guest.State.Cr4 |= 0x200;
                if (!InstructionSample.TryEncode(code, bitness, wantsMemory, random, guest.State.Rip, out var bytes))
                {
                    continue;
                }

                guest[Abstractions.GeneralRegister.Rbx] = bitness == 16 ? 0x100 : GuestProcessor.Data;
                stepped++;
                if (guest.RunBytes(bytes).Kind == CompletionKind.Unsupported)
                {
                    missing.Add($"{code}{(wantsMemory ? " m" : "")}");
                }
            }
        }

        Assert.True(missing.Count == 0, $"{missing.Count} of {stepped}: {string.Join(", ", missing)}");
        Assert.InRange(stepped, 500, 10_000);
    }
}
