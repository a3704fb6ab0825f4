using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule each of INIT, start-up messages and what they leave of the registers.</summary>
public sealed class StartUpTests
{
    private const uint Init = 0x4500;
    private const uint StartUp = 0x4600;

    private readonly StartableProcessor _boot;
    private readonly StartableProcessor _application;

    public StartUpTests()
    {
        var (queue, bus) = (new FakeTimerQueue(), new ApicBus());
        _boot = new StartableProcessor(0, queue, bus);
        _application = new StartableProcessor(1, queue, bus);
        _boot.Write(0xf0, 0x1ff);
    }

    [Fact]
    public void PowerOn_ApplicationProcessorWaitsAndTheBootstrapProcessorRuns()
    {
        Assert.False(_boot.Apic.WaitsForStartUp);
        Assert.True(_application.Apic.WaitsForStartUp);
    }

    [Fact]
    public void UsualSequence_StartsOnce()
    {
        Send(1, Init | 0x8000);
        Assert.Equal(1, _application.Starts);
        Assert.True(_application.Apic.TryTakeInit());
        Send(1, Init & ~0x4000u | 0x8000);
        Assert.False(_application.Apic.TryTakeInit());
        Assert.False(_application.Apic.TryTakeStartUp(out _));
        Send(1, StartUp | 0x9a);
        Assert.Equal(2, _application.Starts);
        Send(1, StartUp | 0x9b);
        Assert.Equal(2, _application.Starts);
        Assert.True(_application.Apic.TryTakeStartUp(out var vector));
        Assert.Equal(0x9a, vector);
        Assert.False(_application.Apic.WaitsForStartUp);
        Send(1, StartUp | 0x9a);
        Assert.False(_application.Apic.TryTakeStartUp(out _));
    }

    [Fact]
    public void StartUp_IsIgnoredByWhoDoesNotWait()
    {
        _application.Write(0x310, 0);
        _application.Write(0x300, StartUp | 0x10);
        Assert.Equal(0, _boot.Starts);
        Assert.False(_boot.Apic.TryTakeStartUp(out _));
    }

    [Fact]
    public void Init_WhileWaitingStaysWaiting()
    {
        Send(1, Init);
        Send(1, Init);
        Assert.True(_application.Apic.TryTakeInit());
        Assert.False(_application.Apic.TryTakeInit());
        Assert.True(_application.Apic.WaitsForStartUp);
    }

    [Fact]
    public void Init_TakesAPendingStartUpBack()
    {
        Send(1, StartUp | 0x10);
        Send(1, Init);
        Assert.False(_application.Apic.TryTakeStartUp(out _));
        Assert.True(_application.Apic.TryTakeInit());
        Assert.False(_application.Apic.TryTakeStartUp(out _));
        Assert.True(_application.Apic.WaitsForStartUp);
    }

    [Fact]
    public void StartUp_BehindAnInitWaitsForIt()
    {
        Send(1, Init);
        Send(1, StartUp | 0x20);
        Assert.False(_application.Apic.TryTakeStartUp(out _));
        Assert.True(_application.Apic.TryTakeInit());
        Assert.True(_application.Apic.TryTakeStartUp(out var vector));
        Assert.Equal(0x20, vector);
    }

    [Fact]
    public void Init_OfTheBootstrapProcessorDoesNotWait()
    {
        _application.Write(0x300, Init);
        Assert.True(_boot.Apic.TryTakeInit());
        Assert.False(_boot.Apic.WaitsForStartUp);
        Assert.Equal(0xfee0_0900ul, _boot.Apic.ApicBase);
    }

    [Fact]
    public void Init_ResetsTheRegistersAndKeepsIdAndBase()
    {
        var fresh = new StartableProcessor(1, new FakeTimerQueue());
        _application.Apic.TrySetApicBase(0x1_0000_0800);
        _application.Write(0x20, 0x0700_0000);
        foreach (var (offset, value) in new (int, uint)[] { (0xf0, 0x1ff), (0x80, 0x20), (0xd0, 0x0200_0000), (0xe0, 0), (0x320, 0x2_0051), (0x380, 1000), (0x3e0, 3) })
        {
            _application.Write(offset, value);
        }

        _application.Apic.Accept(0x61, true);
        _application.Take();
        _application.Apic.Accept(0x71, true);
        _application.Apic.AcceptNonMaskable();
        Send(7, Init);
        Assert.True(_application.Apic.TryTakeInit());
        Assert.Equal(0x1_0000_0800ul, _application.Apic.ApicBase);
        Assert.Equal(0x0700_0000u, _application.Read(0x20));
        for (var offset = 0x30; offset <= 0x3e0; offset += 0x10)
        {
            Assert.True(_application.Read(offset) == fresh.Read(offset), $"register 0x{offset:x}");
        }

        Assert.False(_application.Apic.HasInterrupt || _application.Apic.HasNonMaskable);
    }

    [Fact]
    public void Init_KeepsX2ApicModeAndItsIds()
    {
        _application.EnterX2Apic();
        _application.WriteMsr(0xf0, 0x1ff);
        Send(1, Init);
        Assert.True(_application.Apic.TryTakeInit());
        Assert.Equal(1ul, _application.ReadMsr(0x20));
        Assert.Equal(2ul, _application.ReadMsr(0xd0));
        Assert.Equal(0xfful, _application.ReadMsr(0xf0));
    }

    [Fact]
    public void Init_LetsNothingElseInUntilItIsTaken()
    {
        _application.Write(0xf0, 0x1ff);
        _application.Apic.Accept(0x51, false);
        Send(1, Init);
        Assert.False(_application.Apic.HasInterrupt);
        Assert.Equal(-1, _application.Take());
        Send(1, 0x4400);
        Assert.False(_application.Apic.TryTakeNonMaskable());
        Assert.True(_application.Apic.TryTakeInit());
        Assert.False(_application.Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void Nmi_OfAWaitingProcessorStaysPending()
    {
        Send(1, 0x4400);
        Send(1, StartUp | 1);
        Assert.True(_application.Apic.TryTakeStartUp(out _));
        Assert.True(_application.Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void Load_KeepsWhatIsPendingAndSignalsIt()
    {
        Send(1, Init);
        Send(1, StartUp | 0x33);
        var twin = new StartableProcessor(1, new FakeTimerQueue());
        twin.Apic.LoadState(_application.Apic.SavedState());
        Assert.Equal(1, twin.Starts);
        Assert.True(twin.Apic.TryTakeInit());
        Assert.True(twin.Apic.TryTakeStartUp(out var vector));
        Assert.Equal(0x33, vector);
        twin.Apic.Reset();
        Assert.True(twin.Apic.WaitsForStartUp);
    }

    private void Send(uint destination, uint command)
    {
        _boot.Write(0x310, destination << 24);
        _boot.Write(0x300, command);
    }
}
