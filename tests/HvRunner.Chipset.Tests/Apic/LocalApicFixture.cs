using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One local APIC on fake time, with an 8259 that gives vector 0x77 and everything it tells others recorded.</summary>
public abstract class LocalApicFixture : IDisposable, ILocalApicSignal, IInterruptAcknowledge, IEndOfInterruptSink
{
    protected const int Id = 0x020;
    protected const int Version = 0x030;
    protected const int Tpr = 0x080;
    protected const int Ppr = 0x0a0;
    protected const int Eoi = 0x0b0;
    protected const int Ldr = 0x0d0;
    protected const int Dfr = 0x0e0;
    protected const int Svr = 0x0f0;
    protected const int Isr = 0x100;
    protected const int Tmr = 0x180;
    protected const int Irr = 0x200;
    protected const int Esr = 0x280;
    protected const int IcrLow = 0x300;
    protected const int IcrHigh = 0x310;
    protected const int LvtCmci = 0x2f0;
    protected const int LvtTimer = 0x320;
    protected const int LvtThermal = 0x330;
    protected const int LvtPerf = 0x340;
    protected const int LvtLint0 = 0x350;
    protected const int LvtLint1 = 0x360;
    protected const int LvtError = 0x370;
    protected const int InitialCount = 0x380;
    protected const int CurrentCount = 0x390;
    protected const int Divide = 0x3e0;

    protected const uint Masked = 0x1_0000;
    protected const byte ExternalVector = 0x77;
    protected const long TscHz = 3_000_000_000;

    protected LocalApicFixture()
    {
        Queue.Advance(5_000_000_003);
        Apic = new LocalApic(0, Queue, this, this, this, new FixedRateTsc(Queue, TscHz));
    }

    protected FakeTimerQueue Queue { get; } = new();

    protected LocalApic Apic { get; }

    protected int Signals { get; set; }

    protected int Acknowledges { get; private set; }

    protected List<byte> Ended { get; } = [];

    public void Signal() => Signals++;

    public byte Acknowledge()
    {
        Acknowledges++;
        return ExternalVector;
    }

    public void EndOfInterrupt(byte vector) => Ended.Add(vector);

    public void Dispose()
    {
        Apic.Dispose();
        GC.SuppressFinalize(this);
    }

    protected void Enable() => Write(Svr, 0x1ff);

    protected uint Read(int offset)
    {
        var data = new byte[4];
        Assert.Equal(IoStatus.Ok, Apic.Read((ulong)offset, data));
        return BitConverter.ToUInt32(data);
    }

    protected void Write(int offset, uint value) => Assert.Equal(IoStatus.Ok, Apic.Write((ulong)offset, BitConverter.GetBytes(value)));

    protected bool IsIn(int set, int vector) => ((Read(set + (vector / 32 * 0x10)) >> (vector % 32)) & 1) != 0;

    /// <summary>The vector that the processor takes, or -1.</summary>
    protected int Take() => Apic.TryAcknowledge(out var vector) ? vector : -1;

    protected uint Errors()
    {
        Write(Esr, 0);
        return Read(Esr);
    }
}
