using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Timers;

/// <summary>An event timer block with its wires, and a guest's accesses in the specification's words.</summary>
internal sealed class HpetFixture : IDisposable
{
    public const ulong Configuration = 0x10;
    public const ulong Status = 0x20;
    public const ulong Counter = 0xf0;

    public const uint Level = 0x02;
    public const uint Enable = 0x04;
    public const uint Periodic = 0x08;
    public const uint SetValue = 0x40;
    public const uint Mode32 = 0x100;

    public HpetFixture() => Hpet = new Hpet(Queue, new(Irq0, Irq0), new(Irq8, Irq8), new HpetRoute(20, Pin20), new HpetRoute(21, Pin21));

    public FakeTimerQueue Queue { get; } = new();

    public RecordingLine Irq0 { get; } = new();

    public RecordingLine Irq8 { get; } = new();

    public RecordingLine Pin20 { get; } = new();

    public RecordingLine Pin21 { get; } = new();

    public Hpet Hpet { get; }

    public static ulong ConfigurationOf(int timer) => 0x100 + (0x20 * (ulong)timer);

    public static ulong ComparatorOf(int timer) => 0x108 + (0x20 * (ulong)timer);

    public static uint Route(int pin) => (uint)pin << 9;

    public void Dispose() => Hpet.Dispose();

    public ulong Read(ulong offset)
    {
        Span<byte> data = stackalloc byte[8];
        Assert.Equal(IoStatus.Ok, Hpet.Read(offset, data));
        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    public uint Read32(ulong offset)
    {
        Span<byte> data = stackalloc byte[4];
        Assert.Equal(IoStatus.Ok, Hpet.Read(offset, data));
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    public void Write(ulong offset, ulong value)
    {
        Span<byte> data = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        Assert.Equal(IoStatus.Ok, Hpet.Write(offset, data));
    }

    public void Write32(ulong offset, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Assert.Equal(IoStatus.Ok, Hpet.Write(offset, data));
    }

    /// <summary>Lets the main counter run, with or without legacy replacement.</summary>
    public void Start(bool legacy = false) => Write32(Configuration, legacy ? 3u : 1u);

    /// <summary>Time goes on by ticks of the main counter.</summary>
    public void Tick(long ticks) => Queue.Advance(ticks * 10);
}
