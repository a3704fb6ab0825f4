using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;
using Xunit.Abstractions;

namespace HvRunner.Hardware.Tests;

/// <summary>What CPUID does not show must not be there, whatever the real processor has: these forms run on ours alone.</summary>
public class UnadvertisedTests(ITestOutputHelper output)
{
    private const int UndefinedOpcode = 6;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FormsThatCpuidDoesNotShow_RaiseInvalidOpcode(bool translates)
    {
        IProcessorUnderTest processor = translates ? new TranslatingProcessor() : new SteppingProcessor();
        var encoder = new RandomEncoder();
        var dice = new Dice(20260721);
        var instance = new Instance { Start = GuestLayout.CodeStart, Target = GuestLayout.Centre(GuestLayout.DataLow, 1) };
        var wrong = new List<string>();
        var tried = 0;
        foreach (var form in FormTable.All.Values.Where(form => form.Use == FormUse.NotAdvertised))
        {
            instance.Wanted = form.Code;
            if (!encoder.TryEncode(dice, instance, GuestLayout.CodeStart))
            {
                continue;
            }

            tried++;
            instance.Code.CopyTo(processor.Ram.AsSpan((int)GuestLayout.CodePhysical));
            ref var input = ref MemoryMarshal.AsRef<ProcessorImage>(processor.Ram.AsSpan((int)GuestLayout.BlocksPhysical, GuestLayout.OutputOffset));
            RandomState.Fill(dice, ref input);
            input.Rip = instance.Start;
            input.General[(int)GeneralRegister.Rsp] = instance.Target;
            LoopCode.Landing.CopyTo(processor.Ram.AsSpan((int)GuestLayout.CodePhysical + instance.Length));
            processor.Begin();
            instance.Landing = instance.Start + (ulong)instance.Length;
            var executions = processor.Run(0, instance);
            ref readonly var result = ref MemoryMarshal.AsRef<ProcessorImage>(processor.Ram.AsSpan((int)GuestLayout.BlocksPhysical + GuestLayout.OutputOffset, GuestLayout.OutputOffset));
            if (executions.Length != 0 || result.Vector != UndefinedOpcode || result.Rip != instance.Start)
            {
                wrong.Add($"{form.Code}: {executions}{Comparison.Comparer.Ending(result)}");
            }
        }

        output.WriteLine($"{tried} of {FormTable.All.Count} forms are not advertised and can be encoded without masks and wide registers");
        Assert.True(tried > 500, $"only {tried} forms were tried");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>The other half: what CPUID does show is either compared or has a reason why not.</summary>
    [Fact]
    public void FormsThatCpuidShows_AreComparedOrHaveAReason()
    {
        var host = default(UserHost);
        var permitted = HvRunner.Instructions.FeatureGate.ReadPermitted(ref host);
        var forgotten = FormTable.All.Values.Where(form =>
            (permitted[(int)form.Code >> 6] >> (int)form.Code & 1) != 0 &&
            (form.Use == FormUse.NotAdvertised || (form.Use == FormUse.LeftOut) != (form.Reason.Length != 0)));
        Assert.Empty(forgotten);
        Assert.True(FormTable.Run.Length > 1200, $"only {FormTable.Run.Length} forms run");
        Assert.Contains(Code.Add_rm64_r64, FormTable.Run);
        Assert.Contains(Code.VEX_Andn_r64_r64_rm64, FormTable.Run);
        Assert.DoesNotContain(Code.VEX_Vaddps_xmm_xmm_xmmm128, FormTable.Run);
    }
}
