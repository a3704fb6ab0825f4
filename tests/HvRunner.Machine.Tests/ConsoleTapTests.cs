using HvRunner.Chipset.Serial;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

/// <summary>The console passes through whether its words are judged or not.</summary>
public class ConsoleTapTests
{
    private static readonly byte[] LastWords = [.. "[    1.0] Kernel panic - not syncing: no init\n---[ end Kernel panic\n"u8];

    [Fact]
    public void PanicText_Judges()
    {
        var control = new RunControl(ExitMap.Raw);
        var tap = new ConsoleTap(new ConsoleTail(new Nowhere()), control);
        tap.Write(LastWords);
        Assert.True(tap.Panicked);
        Assert.Equal(VerdictKind.Panic, control.Verdict?.Kind);
    }

    [Fact]
    public void PanicTextOff_OnlyPassesOn()
    {
        var tail = new ConsoleTail(new Nowhere());
        var tap = new ConsoleTap(tail, null);
        tap.Write(LastWords);
        Assert.False(tap.Panicked);
        Assert.Equal(["[    1.0] Kernel panic - not syncing: no init", "---[ end Kernel panic"], tail.LastLines(5).Where(line => line.Length != 0));
    }

    private sealed class Nowhere : ISerialOutput
    {
        public void Write(ReadOnlySpan<byte> data)
        {
        }
    }
}
