using System.Buffers.Binary;

namespace HvRunner.Kvm.Tests.Pure;

public class LapicEntriesTests
{
    private const int Spurious = 0xf0;
    private const uint Enabled = 0x1ff;

    [Theory]
    [InlineData(0x000u, false)] // Fixed.
    [InlineData(0x100u, false)] // Lowest priority.
    [InlineData(0x200u, true)] // SMI.
    [InlineData(0x300u, false)] // Reserved.
    [InlineData(0x400u, true)] // NMI.
    [InlineData(0x500u, true)] // INIT.
    [InlineData(0x600u, false)] // Start-up, reserved in a table.
    [InlineData(0x700u, false)] // ExtINT: RFLAGS.IF holds it back.
    [InlineData(0x1_0400u, false)] // NMI, masked.
    [InlineData(0x0_84ffu, true)] // NMI, level triggered, any vector.
    public void Entry_IsNonMaskableByItsDeliveryModeAndMask(uint entry, bool expected) =>
        Assert.Equal(expected, LapicEntries.IsNonMaskable(entry));

    [Fact]
    public void Table_LooksAtThePerformanceCounters() => Assert.True(LapicEntries.AnyNonMaskable(Lapic(Enabled, 0x340, 0x400)));

    /// <summary>Timer, thermal sensor, LINT0, LINT1 (NMI on every Linux) and error: nothing can raise them so in this machine.</summary>
    [Theory]
    [InlineData(0x310)]
    [InlineData(0x320)]
    [InlineData(0x330)]
    [InlineData(0x350)]
    [InlineData(0x360)]
    [InlineData(0x370)]
    [InlineData(0x380)]
    public void Table_PassesOverEntriesWithoutASource(int offset) => Assert.False(LapicEntries.AnyNonMaskable(Lapic(Enabled, offset, 0x400)));

    [Fact]
    public void DisabledApic_MasksAll() => Assert.False(LapicEntries.AnyNonMaskable(Lapic(0xff, 0x340, 0x400)));

    [Fact]
    public void AfterReset_NothingIsNonMaskable() => Assert.False(LapicEntries.AnyNonMaskable(Lapic(Enabled, 0x350, 0x700)));

    [Theory]
    [InlineData(0x30, 0x00, true)]
    [InlineData(0x30, 0x2f, true)]
    [InlineData(0x30, 0x30, false)] // Of the class that is in service, or held off.
    [InlineData(0x3f, 0x30, false)]
    [InlineData(0x10, 0x00, true)]
    [InlineData(0xff, 0xe0, true)]
    [InlineData(0xff, 0xf0, false)]
    public void Request_CountsAboveTheProcessorsPriority(int vector, uint priority, bool expected)
    {
        var lapic = Lapic(Enabled, 0xa0, priority);
        Assert.False(LapicEntries.AnyInterrupt(lapic));
        BinaryPrimitives.WriteUInt32LittleEndian(lapic.AsSpan(0x200 + (vector / 32 * 0x10)), 1u << (vector % 32));
        Assert.Equal(expected, LapicEntries.AnyInterrupt(lapic));
    }

    [Theory]
    [InlineData(0x0_0040u, 1u, true)] // One-shot.
    [InlineData(0x2_0040u, 1u, true)] // Periodic.
    [InlineData(0x0_0040u, 0u, false)] // Stopped, or run out.
    [InlineData(0x1_0040u, 1u, false)] // Masked.
    public void Timer_CountsWhereItIsOpenAndNotAtItsEnd(uint entry, uint count, bool expected)
    {
        var lapic = Lapic(Enabled, 0x320, entry);
        BinaryPrimitives.WriteUInt32LittleEndian(lapic.AsSpan(0x390), count);
        Assert.Equal(expected, LapicEntries.IsCounting(lapic));
        Assert.False(LapicEntries.HasDeadlineTimer(lapic));
    }

    [Fact]
    public void Timer_OfDeadlinesIsToldByItsMode() => Assert.True(LapicEntries.HasDeadlineTimer(Lapic(Enabled, 0x320, 0x4_0040)));

    [Theory]
    [InlineData(0x0105_0014u, 0x11ffu, true)]
    [InlineData(0x0105_0014u, 0x01ffu, false)] // Not asked for.
    [InlineData(0x0005_0014u, 0x11ffu, false)] // Not offered: the bit is storage.
    public void Broadcasts_AreSuppressedWhereThatIsOfferedAndAskedFor(uint version, uint spurious, bool expected) =>
        Assert.Equal(expected, LapicEntries.SuppressesBroadcasts(Lapic(spurious, 0x30, version)));

    [Fact]
    public void Timer_OfDeadlinesInterruptsNobodyWhileMasked() => Assert.False(LapicEntries.HasDeadlineTimer(Lapic(Enabled, 0x320, 0x5_0040)));

    private static byte[] Lapic(uint spurious, int offset, uint entry)
    {
        var registers = new byte[1024];
        for (var lvt = 0x320; lvt <= 0x370; lvt += 0x10)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(registers.AsSpan(lvt), 0x10000);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(registers.AsSpan(offset), entry);
        BinaryPrimitives.WriteUInt32LittleEndian(registers.AsSpan(Spurious), spurious);
        return registers;
    }
}
