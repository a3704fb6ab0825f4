using System.Diagnostics;
using HvRunner.Abstractions;
using Xunit.Abstractions;

namespace HvRunner.Instructions.Tests;

public class StepCostTests(ITestOutputHelper output)
{
    /// <summary>One instruction of each kind, on RBX where it has a memory operand; also one whose address is not mapped.</summary>
    [Theory]
    [InlineData("integer", "480303")]
    [InlineData("popcnt", "F3480FB8C8")]
    [InlineData("locked", "F0480FC113")]
    [InlineData("clac", "0F01CA")]
    [InlineData("cmpxchg16b", "F0480FC70B")]
    [InlineData("pxor", "660FEFC1")]
    [InlineData("paddsw", "660FEDC1")]
    [InlineData("addss", "F30F58C1")]
    [InlineData("fld1", "D9E8")]
    [InlineData("fsin", "D9FE")]
    [InlineData("fpatan", "D9F3")]
    [InlineData("fbld", "DF23")]
    [InlineData("pcmpistri", "660F3A63C108")]
    [InlineData("dpps", "660F3A40C1F1")]
    [InlineData("rcpps", "0F53C1")]
    [InlineData("pshufb", "660F3800C1")]
    [InlineData("maskmovdqu", "660FF7C1")]
    [InlineData("fault", "480304250000F07F")]
    public void Step_AfterWarmUp_AllocatesNothing(string name, string hex) => Measure(GuestProcessor.Long(), name, hex);

    /// <summary>add rax,[rbx]; mov cr3,rcx, each with breakpoints that do not hit and with feature gating.</summary>
    [Theory]
    [InlineData("integer", "480303")]
    [InlineData("cr3", "0F22D9")]
    public void Step_WithAllOptions_AllocatesNothing(string name, string hex)
    {
        var guest = GuestProcessor.Long(options: ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating);
        guest.Facts.Cpuid = [.. SoftwareCpuid.Leaves];
        guest.State.Debug[7] = 0x3_0402;
        guest[GeneralRegister.Rcx] = GuestProcessor.Tables;
        Measure(guest, name, hex);
    }

    [Fact]
    public void Execute_AfterWarmUp_AllocatesNothing()
    {
        var guest = GuestProcessor.Long();
        var decoder = Iced.Intel.Decoder.Create(64, Convert.FromHexString("480303"), GuestProcessor.Code);
        var instruction = decoder.Decode();
        guest[GeneralRegister.Rbx] = GuestProcessor.Data;
        Measure(guest, "decoded", "480303", () => guest.Execute(instruction));
    }

    private void Measure(GuestProcessor guest, string name, string hex, Action? step = null)
    {
        step ??= () => guest.Step();
        guest.Write(GuestProcessor.Code, Convert.FromHexString(hex));
        guest[GeneralRegister.Rbx] = GuestProcessor.Data;

        // The runtime itself allocates now and then while it compiles a method again; a step that allocates does so in every round.
        var least = long.MaxValue;
        var fastest = double.MaxValue;
        for (var round = 0; round < 10 && (round < 5 || least != 0); round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            Loop(5000);
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(started).TotalNanoseconds / 5000);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        output.WriteLine($"{name}: {fastest:F0} ns a step");

        void Loop(int count)
        {
            for (var i = 0; i < count; i++)
            {
                guest.State.Rip = GuestProcessor.Code;
                step();
            }
        }
    }
}
