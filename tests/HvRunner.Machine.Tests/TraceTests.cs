using HvRunner.Abstractions;
using HvRunner.Fakes;
using HvRunner.Machine.Diagnostics;

namespace HvRunner.Machine.Tests;

public class TraceTests
{
    [Theory]
    [InlineData("port", TraceKinds.Port, 0)]
    [InlineData("port,mmio", TraceKinds.Port | TraceKinds.Mmio, 0)]
    [InlineData(" port , interrupt ", TraceKinds.Port | TraceKinds.Interrupt, 0)]
    [InlineData("com1", TraceKinds.All, 1)]
    [InlineData("com1,port,pit", TraceKinds.Port, 2)]
    [InlineData("", TraceKinds.All, 0)]
    [InlineData(",,", TraceKinds.All, 0)]
    public void Filter_TellsKindsFromDevices(string text, TraceKinds kinds, int devices)
    {
        var filter = TraceFilter.Parse(text);
        Assert.Equal((kinds, devices), (filter.Kinds, filter.Devices.Count));
    }

    [Fact]
    public void Filter_EveryKindHasItsWord()
    {
        foreach (var name in TraceFilter.KindNames)
        {
            Assert.Equal(name, TraceFilter.Parse(name).Kinds.ToString().ToLowerInvariant());
        }

        Assert.Equal(TraceKinds.All, TraceFilter.Parse(string.Join(',', TraceFilter.KindNames)).Kinds);
    }

    [Theory]
    [InlineData("port", TraceKinds.Port, "pit", true)]
    [InlineData("port", TraceKinds.Port, null, true)]
    [InlineData("port", TraceKinds.Msr, null, false)]
    [InlineData("com1", TraceKinds.Port, "com1", true)]
    [InlineData("com1", TraceKinds.Interrupt, "com1", true)]
    [InlineData("com1", TraceKinds.Port, "pit", false)]
    [InlineData("com1", TraceKinds.Msr, null, false)]
    [InlineData("com1,port", TraceKinds.Interrupt, "com1", false)]
    public void Filter_IncludesWhatItNames(string text, TraceKinds kind, string? device, bool expected) =>
        Assert.Equal(expected, TraceFilter.Parse(text).Includes(kind, device));

    [Fact]
    public void Lines_AreOneAnEventInTheirFormat()
    {
        Assert.Equal("vcpu0 port out 0x03f8 0x41 com1", Line(log => log.Port(0, true, 0x3f8, [0x41], "com1")));
        Assert.Equal("vcpu1 port in  0x0cfc 0x12345678 -", Line(log => log.Port(1, false, 0xcfc, [0x78, 0x56, 0x34, 0x12], null)));
        Assert.Equal("vcpu0 mmio write 0xd0000000 0x0201 -", Line(log => log.Mmio(0, true, new GuestAddress(0xd0000000), [1, 2], null)));
        Assert.Equal("vcpu0 mmio read  0xfed00000 0x0807060504030201 hpet", Line(log => log.Mmio(0, false, new GuestAddress(0xfed00000), [1, 2, 3, 4, 5, 6, 7, 8], "hpet")));
        Assert.Equal("vcpu0 msr read  0x1b - #GP", Line(log => log.Msr(0, false, 0x1b, 5, false)));
        Assert.Equal("vcpu0 msr read  0x1b 0x5 ok", Line(log => log.Msr(0, false, 0x1b, 5, true)));
        Assert.Equal("vcpu0 msr write 0x1b 0x5 #GP", Line(log => log.Msr(0, true, 0x1b, 5, false)));
        Assert.Equal("- interrupt line 4 high com1", Line(log => log.Interrupt(4, true, "com1")));
        Assert.Equal("- interrupt line 0 low pit", Line(log => log.Interrupt(0, false, "pit")));
        Assert.Equal("vcpu2 hypercall 9 -> 0xfffffffffffffc18", Line(log => log.Hypercall(2, 9, unchecked((ulong)-1000))));
        Assert.Equal("vcpu0 instruction 0xffffffff81000000 F30FB8C3", Line(log => log.Instruction(0, 0xffffffff81000000, [0xf3, 0x0f, 0xb8, 0xc3])));
    }

    [Fact]
    public void FullDisk_EndsTheTraceAndNothingElse()
    {
        var writer = new FullDisk();
        var log = new TraceLog(writer, TraceFilter.Everything);
        log.Port(0, true, 1, [1], null);
        log.Port(0, true, 1, [1], null);
        Assert.Equal(1, writer.Attempts);
    }

    [Fact]
    public void Wire_IsTracedOnChangesOnlyAndPassesEverythingOn()
    {
        var writer = new StringWriter();
        var line = new RecordingLine();
        var wire = new Tracing(new TraceLog(writer, TraceFilter.Everything)).Wire(line, 4, "com1");
        wire.Set(false);
        wire.Set(true);
        wire.Set(true);
        Assert.True(line.Asserted);
        Assert.Single(writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Same(line, new Tracing(null).Wire(line, 4, "com1"));
    }

    [Fact]
    public void BoundedRate_LetsAFewThroughAndCountsTheRest()
    {
        var rate = new BoundedRate(perSecond: 5);
        int passed = 0, held = 0;
        long reported = 0;
        for (var i = 0; i < 1000; i++)
        {
            if (rate.TryPass(out var suppressed))
            {
                passed++;
                reported += suppressed;
            }
            else
            {
                held++;
            }
        }

        // The loop may straddle the end of one second.
        Assert.InRange(passed, 5, 10);
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                var again = rate.TryPass(out var suppressed);
                reported += suppressed;
                held += again ? 0 : 1;
                return again;
            },
            TimeSpan.FromSeconds(5)));
        Assert.Equal(held, reported);
    }

    /// <summary>The event's text, behind a time stamp in microseconds that takes 12 columns.</summary>
    private static string Line(Action<TraceLog> write)
    {
        var writer = new StringWriter();
        write(new TraceLog(writer, TraceFilter.Everything));
        var line = writer.ToString();
        Assert.EndsWith("\n", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(c => c == '\n'));
        Assert.True(long.Parse(line[..12]) >= 0);
        Assert.Equal(' ', line[12]);
        return line[13..^1];
    }

    private sealed class FullDisk : StringWriter
    {
        internal int Attempts { get; private set; }

        public override void Write(string? value)
        {
            Attempts++;
            throw new IOException("no space left on device");
        }
    }
}
