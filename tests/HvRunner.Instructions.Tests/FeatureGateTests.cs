using HvRunner.Abstractions;
using Iced.Intel;
using Xunit.Abstractions;

namespace HvRunner.Instructions.Tests;

/// <summary>Feature gating over every instruction that the decoder knows.</summary>
public class FeatureGateTests(ITestOutputHelper output)
{
    private static readonly CpuidFeature[] Ungated =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
        CpuidFeature.CPUID, CpuidFeature.PAUSE, CpuidFeature.RDPMC, CpuidFeature.MULTIBYTENOP,
    ];

    /// <summary>A processor whose CPUID has no feature at all.</summary>
    private static readonly CpuidLeaf[] Nothing = [new(0, 0, false, 1, 0, 0, 0), new(1, 0, false, 1, 0, 0, 0)];

    /// <summary>Runs one encoding of every code, each on a processor that starts anew.</summary>
    private static IEnumerable<(Code Code, Completion Completion)> RunAll(IReadOnlyList<CpuidLeaf> cpuid, Func<Code, bool> wanted)
    {
        GuestProcessor? guest = null;
        var (last, start) = (0, 0UL);
        foreach (var (code, bytes, bitness) in AllEncodings.List)
        {
            if (!wanted(code))
            {
                continue;
            }

            if (guest == null || bitness != last)
            {
                guest = Make(bitness, cpuid);
                (last, start) = (bitness, guest.State.Rip);
            }

            guest.State.Rip = start;
            guest.State.Rflags = 2;
            SetRegisters(guest, bitness);
            var completion = guest.RunBytes(bytes);
            yield return (code, completion);
            guest = (completion.Changed & StateParts.System) != 0 ? null : guest;
        }
    }

    private static void SetRegisters(GuestProcessor guest, int bitness)
    {
        for (var i = 0; i < 16; i++)
        {
            guest.State.General[i] = GuestProcessor.Data;
        }

        guest[GeneralRegister.Rsp] = bitness == 16 ? 0x8000 : GuestProcessor.Stack;
        guest[GeneralRegister.Rcx] = 0;
    }

    private static GuestProcessor Make(int bitness, IReadOnlyList<CpuidLeaf> cpuid)
    {
        const ExecutorOptions Options = ExecutorOptions.FeatureGating;
        var guest = bitness switch
        {
            16 => GuestProcessor.Real(Options),
            32 => GuestProcessor.Protected(options: Options),
            _ => GuestProcessor.Long(options: Options),
        };
        guest.Facts.Cpuid = cpuid;
        guest.State.Extended.Xcr0 = 3;
        return guest;
    }

    [Fact]
    public void WithNothingAdvertised_EveryInstructionOfAFeatureIsUndefined()
    {
        var checks = 0;
        foreach (var (code, completion) in RunAll(Nothing, code => !Array.TrueForAll(code.CpuidFeatures(), Ungated.Contains)))
        {
            if (FeatureGate.IsHint(code))
            {
                Assert.Equal((code, CompletionKind.Completed), (code, completion.Kind));
            }
            else
            {
                Assert.Equal((code, CompletionKind.Fault, 6), (code, completion.Kind, completion.Vector));
            }

            checks++;
        }

        output.WriteLine($"{checks} of {AllEncodings.List.Count} codes");
        Assert.True(checks > 3500, $"only {checks} codes were checked");
    }

    [Fact]
    public void WhateverSoftwareCpuidAdvertises_IsImplemented()
    {
        var missing = new List<string>();
        var checks = 0;
        foreach (var (code, completion) in RunAll(SoftwareCpuid.Leaves, _ => true))
        {
            checks += completion is { Kind: CompletionKind.Fault, Vector: 6 } ? 0 : 1;
            if (completion.Kind == CompletionKind.Unsupported)
            {
                missing.Add(code.ToString());
            }
        }

        output.WriteLine($"{checks} of {AllEncodings.List.Count} codes are not undefined");
        Assert.True(checks > 1200, $"only {checks} codes ran");
        Assert.True(missing.Count == 0, $"{missing.Count}: {string.Join(", ", missing)}");
    }
}
