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
    public void Step_AfterWarmUp_AllocatesNothing(string name, string hex)
    {
        var guest = GuestProcessor.Long();
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
                guest.Step();
            }
        }
    }
}
