using HvRunner.Abstractions;
using HvRunner.Fakes;
using HvRunner.Machine.Interrupts;

namespace HvRunner.Machine.Tests;

/// <summary>IO-APIC and 8259 pair beside local APICs that are the hypervisor's.</summary>
public sealed class ExternalControllersTests : IPartition, IInKernelLocalApics, IMsiTarget, ILevelRoutes
{
    private readonly FakeVcpu[] _vcpus = [new(0), new(1)];
    private readonly List<MsiMessage> _sent = [];
    private readonly List<(int Pin, MsiMessage Message)> _routes = [];
    private readonly ExternalControllers _controllers;

    public ExternalControllersTests() => _controllers = Assert.IsType<ExternalControllers>(InterruptControllers.Of(this, new FakeTimerQueue(), []));

    public IReadOnlyList<IVcpu> Vcpus => _vcpus;

    public IMsiTarget Messages => this;

    public ILevelRoutes LevelRoutes => this;

    public bool Send(MsiMessage message)
    {
        _sent.Add(message);
        return true;
    }

    void ILevelRoutes.Set(int pin, MsiMessage message) => _routes.Add((pin, message));

    public void Dispose()
    {
    }

    [Fact]
    public void Intr_GoesToTheFirstVcpuWhenItIsReady()
    {
        InitializePic();
        _controllers.Pic.GetLine(4).Set(true);
        Assert.True(_vcpus[0].Kicks > 0);
        Assert.Equal(0, _vcpus[1].Kicks);
        var (vector, waits) = Ask(0, ready: false);
        Assert.Equal((-1, true), (vector, waits));
        Assert.Equal((-1, false), Ask(1, ready: true));
        Assert.Equal((0x24, false), Ask(0, ready: true));
        Assert.Equal((-1, false), Ask(0, ready: true));
    }

    [Fact]
    public void SecondRequest_WaitsBehindTheFirst()
    {
        InitializePic();
        _controllers.Pic.GetLine(4).Set(true);
        _controllers.Pic.GetLine(1).Set(true);
        Assert.Equal((0x21, false), Ask(0, ready: true));

        // Its end lets the other through.
        _controllers.Pic.MasterPorts.Write(0, [0x20]);
        Assert.Equal((-1, true), Ask(0, ready: false));
        Assert.Equal((0x24, false), Ask(0, ready: true));
    }

    [Fact]
    public void LevelTriggeredPin_IsRoutedAndSentAgainAtItsEnd()
    {
        _controllers.IoApic.Write(0x00, [0x1a, 0, 0, 0]);
        _controllers.IoApic.Write(0x10, [0x45, 0x80, 0, 0]);
        var line = _controllers.GetLine(5);
        line.Set(true);
        Assert.Equal((5, Assert.Single(_sent)), Assert.Single(_routes));
        _controllers.InterfaceOf(1).EndOfInterrupt(0x44);
        Assert.Single(_sent);
        _controllers.InterfaceOf(1).EndOfInterrupt(0x45);
        Assert.Equal(2, _sent.Count);
        line.Set(false);
        _controllers.InterfaceOf(0).EndOfInterrupt(0x45);
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void PinsOfTheIoApicAlone_HaveWiresToo()
    {
        _controllers.IoApic.Write(0x00, [0x10 + (2 * 20), 0, 0, 0]);
        _controllers.IoApic.Write(0x10, [0x45, 0, 0, 0]);
        _controllers.GetLine(20).Set(true);
        Assert.Equal(new MsiMessage(0xfee0_0000, 0x4045), Assert.Single(_sent));
    }

    [Fact]
    public void NonMaskableEntryOfTheIoApic_MayWakeEveryProcessor()
    {
        Assert.False(_controllers.InterfaceOf(1).CanWakeWithInterruptsOff);
        _ = _controllers.GetLine(4);
        _controllers.IoApic.Write(0x00, [0x18, 0, 0, 0]);
        _controllers.IoApic.Write(0x10, [0, 4, 0, 0]);
        Assert.True(_controllers.InterfaceOf(1).CanWakeWithInterruptsOff);
    }

    private (int Vector, bool Waits) Ask(int vcpu, bool ready)
    {
        var events = new EntryEvents(ready, false, false);
        _controllers.InterfaceOf(vcpu).Fill(ref events);
        return (events.Vector, events.WaitsForWindow);
    }

    private void InitializePic()
    {
        foreach (var (port, value) in new (ulong, byte)[] { (0, 0x11), (1, 0x20), (1, 4), (1, 1), (1, 0) })
        {
            Assert.Equal(IoStatus.Ok, _controllers.Pic.MasterPorts.Write(port, [value]));
        }
    }
}
