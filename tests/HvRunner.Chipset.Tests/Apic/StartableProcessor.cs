using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>A processor with its local APIC that INIT and SIPI reach, and both ways to the registers.</summary>
internal sealed class StartableProcessor : IProcessorStart, IInterruptAcknowledge
{
    public const byte ExternalVector = 0x77;
    public const long TscHz = 3_000_000_000;

    public StartableProcessor(int id, FakeTimerQueue queue, ApicBus? bus = null) =>
        Apic = new LocalApic(id, queue, this, this, tsc: new FixedRateTsc(queue, TscHz), bus: bus, x2Apic: true);

    public LocalApic Apic { get; }

    public int Signals { get; set; }

    public int Starts { get; private set; }

    public void Signal() => Signals++;

    public void SignalStart() => Starts++;

    public byte Acknowledge() => ExternalVector;

    public uint Read(int offset)
    {
        Span<byte> data = stackalloc byte[4];
        Assert.Equal(IoStatus.Ok, Apic.Read((ulong)offset, data));
        return BitConverter.ToUInt32(data);
    }

    public void Write(int offset, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BitConverter.TryWriteBytes(data, value);
        Assert.Equal(IoStatus.Ok, Apic.Write((ulong)offset, data));
    }

    public ulong ReadMsr(int offset)
    {
        Assert.True(Apic.TryReadMsr(0x800 + ((uint)offset >> 4), out var value));
        return value;
    }

    public bool TryWriteMsr(int offset, ulong value) => Apic.TryWriteMsr(0x800 + ((uint)offset >> 4), value);

    public void WriteMsr(int offset, ulong value) => Assert.True(TryWriteMsr(offset, value));

    public void EnterX2Apic() => Assert.True(Apic.TrySetApicBase(Apic.ApicBase | 0xc00));

    /// <summary>The vector that the processor takes, or -1.</summary>
    public int Take() => Apic.TryAcknowledge(out var vector) ? vector : -1;
}
