using HvRunner.Abstractions;
using HvRunner.Fakes;
using HvRunner.Machine.Interrupts;

namespace HvRunner.Machine.Tests;

/// <summary>Interrupt controllers in the machine: how the 8259 pair, the local APIC and the vCPU's way to it go together.</summary>
public sealed class InterruptControllersTests : IDisposable
{
    private const ulong Page = 0xfee0_0000;

    private readonly FakeVcpu _vcpu = new();
    private readonly LocalControllers _controllers;
    private readonly ApicAccess _access;

    public InterruptControllersTests()
    {
        _controllers = new LocalControllers([_vcpu], new FakeTimerQueue(), physicalAddressBits: 46);
        _access = _controllers.InterfaceOf(0);
    }

    public void Dispose() => _controllers.Dispose();

    [Fact]
    public void InterruptOfThePair_KicksAndIsAcknowledged()
    {
        InitializePic();
        _controllers.Pic.GetLine(4).Set(true);
        Assert.True(_vcpu.Kicks > 0);
        var events = new EntryEvents(true, true, false);
        Assert.True(_access.Fill(ref events));
        Assert.Equal(0x24, events.Vector);
        Assert.False(events.WaitsForWindow);
    }

    [Fact]
    public void ClosedWindow_LeavesTheVectorWithTheController()
    {
        InitializePic();
        _controllers.Pic.GetLine(4).Set(true);
        var events = new EntryEvents(false, true, false);
        _access.Fill(ref events);
        Assert.Equal(-1, events.Vector);
        Assert.True(events.WaitsForWindow);
    }

    [Fact]
    public void Page_MovesWithItsBase()
    {
        Span<byte> data = stackalloc byte[4];
        Assert.True(_access.TryRead(new GuestAddress(Page + 0x30), data));
        Assert.Equal(0x14, data[0]);
        Assert.True(_access.TryWriteMsr(0x1b, 0xfed0_0900));
        Assert.False(_access.TryRead(new GuestAddress(Page + 0x30), data));
        Assert.True(_access.TryRead(new GuestAddress(0xfed0_0030), data));
        Assert.True(_access.TryWriteMsr(0x1b, 0xfed0_0100));
        Assert.False(_access.TryRead(new GuestAddress(0xfed0_0030), data));
    }

    [Fact]
    public void WrongAccessToThePage_ReadsOnes()
    {
        Span<byte> data = stackalloc byte[2];
        Assert.True(_access.TryRead(new GuestAddress(Page + 0x30), data));
        Assert.Equal([0xff, 0xff], data.ToArray());
    }

    [Fact]
    public void Msrs_AreTheApicsOwnAndNoOthers()
    {
        Assert.True(_access.TryReadMsr(0x1b, out var value));
        Assert.Equal(Page | 0x900, value);
        Assert.False(_access.TryWriteMsr(0x1b, Page | 0xd00));

        // No wider than the addresses that CPUID speaks of.
        Assert.False(_access.TryWriteMsr(0x1b, (1UL << 46) | Page | 0x900));
        Assert.Null(_access.TryReadMsr(0x10, out _));
        Assert.Null(_access.TryWriteMsr(0x10, 0));

        // This vCPU does not tell its time-stamp counter, so there is no deadline.
        Assert.False(_access.TryReadMsr(0x6e0, out _));
        Assert.False(_access.TryWriteMsr(0x6e0, 1));
    }

    [Fact]
    public void X2Apic_TakesThePageAwayAndAnswersAsMsrs()
    {
        using var controllers = new LocalControllers([_vcpu], new FakeTimerQueue(), physicalAddressBits: 46, x2Apic: true);
        var access = controllers.InterfaceOf(0);
        Span<byte> data = stackalloc byte[4];
        Assert.False(access.TryReadMsr(0x803, out _));
        Assert.True(access.TryWriteMsr(0x1b, Page | 0xd00));
        Assert.False(access.TryRead(new GuestAddress(Page + 0x30), data));
        Assert.True(access.TryReadMsr(0x803, out var version));
        Assert.Equal(0x14ul, version & 0xff);
        Assert.True(access.TryWriteMsr(0x808, 0x20));
        Assert.False(access.TryWriteMsr(0x808, 0x100));
    }

    /// <summary>A counter alone is no deadline: where CPUID shows none, the register is not there and the timer's entry has no such mode.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TscDeadline_IsThereAsCpuidSays(bool tscDeadline)
    {
        using var controllers = new LocalControllers([new CountingVcpu()], new FakeTimerQueue(), physicalAddressBits: 46, tscDeadline: tscDeadline);
        var access = controllers.InterfaceOf(0);
        Assert.Equal(tscDeadline, access.TryReadMsr(0x6e0, out _));
        Assert.Equal(tscDeadline, access.TryWriteMsr(0x6e0, 0));
        Span<byte> timer = stackalloc byte[4];
        access.TryWrite(new GuestAddress(Page + 0x320), [0x40, 0, 7, 0]);
        access.TryRead(new GuestAddress(Page + 0x320), timer);
        Assert.Equal(tscDeadline ? 7 : 3, timer[2]);
    }

    [Fact]
    public void IsaInterrupt_ComesThroughTheIoApicToo()
    {
        _access.TryWrite(new GuestAddress(Page + 0xf0), [0xff, 1, 0, 0]);
        _controllers.IoApic.Write(0x00, [0x14, 0, 0, 0]);
        _controllers.IoApic.Write(0x10, [0x51, 0, 0, 0]);
        _controllers.GetLine(0).Set(true);
        var events = new EntryEvents(true, true, false);
        Assert.True(_access.Fill(ref events));
        Assert.Equal(0x51, events.Vector);
    }

    [Fact]
    public void NonMaskableEntryOfTheIoApic_MayWakeAHaltedProcessor()
    {
        Assert.False(_access.CanWakeWithInterruptsOff);
        _ = _controllers.GetLine(4);
        _controllers.IoApic.Write(0x00, [0x18, 0, 0, 0]);
        _controllers.IoApic.Write(0x10, [0, 4, 0, 0]);
        Assert.True(_controllers.IoApic.CanWakeWithInterruptsOff);
        Assert.True(_access.CanWakeWithInterruptsOff);
    }

    private void InitializePic()
    {
        var ports = _controllers.Pic.MasterPorts;
        foreach (var (port, value) in new (ulong, byte)[] { (0, 0x11), (1, 0x20), (1, 4), (1, 1), (1, 0) })
        {
            Assert.Equal(IoStatus.Ok, ports.Write(port, [value]));
        }
    }

    /// <summary>A vCPU that can tell its time-stamp counter.</summary>
    private sealed class CountingVcpu : FakeVcpu, IVcpuTimestamp
    {
        public event Action? TimestampMoved
        {
            add { }
            remove { }
        }

        public ulong Timestamp => 0;

        public long DeadlineNs(ulong timestamp) => long.MaxValue;
    }
}
