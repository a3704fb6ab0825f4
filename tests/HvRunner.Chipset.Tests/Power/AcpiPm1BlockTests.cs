using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Timers;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Power;

public sealed class AcpiPm1BlockTests : IDisposable
{
    private const ulong Status = 0;
    private const ulong Enable = 2;
    private const ulong Control = 4;
    private const ushort TimerEvent = 0x0001;
    private const ushort PowerButton = 0x0100;
    private const ushort SciEnable = 0x0001;
    private const ushort SleepEnable = 0x2000;

    // The highest of 24 bits changes every 2^23 ticks.
    private const long CarryNs = ((1L << 23) * 1_000_000_000 / AcpiPmTimer.FrequencyHz) + 1;

    private readonly FakeTimerQueue _queue = new();
    private readonly RecordingLine _sci = new();
    private readonly RecordingPower _power = new();
    private readonly AcpiPmTimer _pmTimer;
    private readonly AcpiPm1Block _pm1;

    public AcpiPm1BlockTests()
    {
        _pmTimer = new AcpiPmTimer(_queue, is32Bit: false);
        _pm1 = new AcpiPm1Block(_queue, _pmTimer, _sci, _power);
    }

    public void Dispose() => _pm1.Dispose();

    [Fact]
    public void PowerOn_IsInAcpiModeWithNothingEnabled()
    {
        Assert.Equal((0, 0, SciEnable), (Read(Status), Read(Enable), Read(Control)));
        _pm1.PressPowerButton();
        Assert.False(_sci.Asserted);
        Assert.Null(_queue.NextDeadlineNs);
    }

    [Fact]
    public void PowerButton_RaisesSciUntilItsStatusIsWritten()
    {
        Write(Enable, PowerButton);
        _pm1.PressPowerButton();
        Assert.True(_sci.Asserted);
        Assert.Equal(PowerButton, Read(Status));
        Write(Status, TimerEvent);
        Assert.True(_sci.Asserted);
        Write(Status, PowerButton);
        Assert.False(_sci.Asserted);
        Assert.Equal(0, Read(Status));
    }

    [Fact]
    public void Status_PressedBeforeItIsEnabled_RaisesSciThen()
    {
        _pm1.PressPowerButton();
        Write(Enable, PowerButton);
        Assert.True(_sci.Asserted);
        Write(Enable, 0);
        Assert.False(_sci.Asserted);
    }

    [Fact]
    public void SciEnable_GatesSci()
    {
        Write(Enable, PowerButton);
        Write(Control, 0);
        _pm1.PressPowerButton();
        Assert.False(_sci.Asserted);
        Write(Control, SciEnable);
        Assert.True(_sci.Asserted);
    }

    [Fact]
    public void TimerCarry_ShowsInTheStatusEachTimeTheHighestBitChanges()
    {
        _queue.Advance(CarryNs - 2);
        Assert.Equal(0, Read(Status));
        _queue.Advance(2);
        Assert.Equal(TimerEvent, Read(Status));
        Write(Status, TimerEvent);
        Assert.Equal(0, Read(Status));
        _queue.Advance(CarryNs);
        Assert.Equal(TimerEvent, Read(Status));
    }

    [Fact]
    public void TimerCarry_RaisesSciWhereEnabledAndAsksForTimeOnlyThen()
    {
        Assert.Null(_queue.NextDeadlineNs);
        Write(Enable, TimerEvent);
        Assert.NotNull(_queue.NextDeadlineNs);
        _queue.Advance(CarryNs);
        Assert.True(_sci.Asserted);
        Assert.Null(_queue.NextDeadlineNs);
        Write(Status, TimerEvent);
        Assert.False(_sci.Asserted);
        _queue.Advance(CarryNs);
        Assert.True(_sci.Asserted);
    }

    [Fact]
    public void SleepEnable_WithS5_SwitchesOff()
    {
        Write(Control, SciEnable | SleepEnable | (AcpiPm1Block.SoftOffSleepType << 10));
        Assert.Equal(["power off by ACPI S5"], _power.Events);
    }

    [Fact]
    public void SleepEnable_ByBytes_SwitchesOff()
    {
        _pm1.Out(Control, 1);
        _pm1.Out(Control + 1, (byte)((SleepEnable | (AcpiPm1Block.SoftOffSleepType << 10)) >> 8));
        Assert.Single(_power.Events);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void SleepEnable_WithAnotherType_DoesNothing(int type)
    {
        Write(Control, (ushort)(SciEnable | SleepEnable | (type << 10)));
        Assert.Empty(_power.Events);
        Assert.Equal(SciEnable | (type << 10), Read(Control));
    }

    [Fact]
    public void SleepType_WithoutSleepEnable_DoesNothing()
    {
        Write(Control, SciEnable | (AcpiPm1Block.SoftOffSleepType << 10));
        Assert.Empty(_power.Events);
    }

    [Fact]
    public void WideAccess_IsStatusAndEnableAtOnce()
    {
        _pm1.PressPowerButton();
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, PowerButton << 16);
        _pm1.Write(Status, data);
        Assert.True(_sci.Asserted);
        _pm1.Read(Status, data);
        Assert.Equal((uint)(PowerButton << 16) | PowerButton, BinaryPrimitives.ReadUInt32LittleEndian(data));
    }

    [Fact]
    public void EnableBits_OfWhatIsNotThere_StayDown()
    {
        Write(Enable, 0xffff);
        Assert.Equal(0x0521, Read(Enable));
    }

    [Fact]
    public void SavedState_DrivesSciAndGoesOn()
    {
        Write(Enable, PowerButton | TimerEvent);
        _pm1.PressPowerButton();
        var line = new RecordingLine();
        using var other = new AcpiPm1Block(_queue, _pmTimer, line, _power);
        other.LoadState(_pm1.SavedState());
        Assert.True(line.Asserted);
        other.Reset();
        Assert.False(line.Asserted);
    }

    private ushort Read(ulong offset)
    {
        Span<byte> data = stackalloc byte[2];
        Assert.Equal(IoStatus.Ok, _pm1.Read(offset, data));
        return BinaryPrimitives.ReadUInt16LittleEndian(data);
    }

    private void Write(ulong offset, int value)
    {
        Span<byte> data = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)value);
        Assert.Equal(IoStatus.Ok, _pm1.Write(offset, data));
    }
}
