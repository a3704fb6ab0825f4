using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>The 8259 pair beside the APICs, as a PC's board has them: both virtual wires, and the interval timer's override.</summary>
public sealed class VirtualWireTests : ILocalApicSignal, IDisposable
{
    private readonly Pic8259Pair _pic;
    private readonly LocalApic _apic;
    private readonly IoApic _ioApic;

    public VirtualWireTests()
    {
        var bus = new ApicBus();
        var intr = new InterruptWire();
        _pic = new Pic8259Pair(intr);
        _apic = new LocalApic(0, new FakeTimerQueue(), this, _pic, bus: bus);
        _ioApic = new IoApic(bus);
        bus.Connect(_ioApic);
        intr.Connect(new ForkedWire(_apic.Lint0, _ioApic.GetLine(IsaInterrupts.IntrPin)));
        foreach (var (chip, words) in new[] { (_pic.MasterPorts, new byte[] { 0x30, 4, 1 }), (_pic.SlavePorts, [0x38, 2, 1]) })
        {
            chip.Out(0, 0x11);
            Array.ForEach(words, word => chip.Out(1, word));
        }

        _apic.Write(0xf0, BitConverter.GetBytes(0x1ff));
    }

    void ILocalApicSignal.Signal()
    {
    }

    public void Dispose() => _apic.Dispose();

    [Fact]
    public void Lint0_TakesThe8259sVector()
    {
        _apic.ConfigureVirtualWire();
        Line(4).Set(true);
        Assert.Equal(0x34, Take());
        Assert.Equal(-1, Take());
    }

    [Fact]
    public void Pin0_TakesThe8259sVectorThroughTheIoApic()
    {
        SetEntry(0, 0x700);
        Line(4).Set(true);
        Line(9).Set(true);
        Line(1).Set(true);
        Assert.Equal(0x31, Take());
        Assert.Equal(-1, Take());
        _pic.MasterPorts.Out(0, 0x20);
        Assert.Equal(0x39, Take());
        Line(9).Set(false);
        _pic.SlavePorts.Out(0, 0x20);
        _pic.MasterPorts.Out(0, 0x20);
        Assert.Equal(0x34, Take());
        _pic.MasterPorts.Out(0, 0x20);
        Assert.Equal(-1, Take());
    }

    [Fact]
    public void Pin0_SeesAFurtherRequestThatComesWithAutomaticEoi()
    {
        _pic.MasterPorts.Out(0, 0x11);
        Array.ForEach<byte>([0x30, 4, 3], word => _pic.MasterPorts.Out(1, word));
        SetEntry(0, 0x700);
        Line(4).Set(true);
        Line(3).Set(true);
        Line(1).Set(true);
        Assert.Equal((0x31, 0x33, 0x34, -1), (Take(), Take(), Take(), Take()));
    }

    [Fact]
    public void Pin0_UnmaskedLateSeesWhatWaits()
    {
        Line(4).Set(true);
        Assert.Equal(-1, Take());
        SetEntry(0, 0x700);
        Assert.Equal(0x34, Take());
    }

    [Fact]
    public void SymmetricMode_EachIsaInterruptIsOnThePinOfItsGsi()
    {
        _pic.MasterPorts.Out(1, 0xff);
        _pic.SlavePorts.Out(1, 0xff);
        for (var pin = 1; pin < 16; pin++)
        {
            SetEntry(pin, 0x50u + (uint)pin);
        }

        foreach (var irq in Enumerable.Range(0, 16).Where(irq => irq != 2))
        {
            Line(irq).Set(true);
            Assert.Equal(0x50 + (irq == 0 ? 2 : irq), Take());
            Assert.Equal(-1, Take());
            _apic.Write(0xb0, new byte[4]);
        }
    }

    private HvRunner.Abstractions.IInterruptLine Line(int irq) => IsaInterrupts.GetLine(_pic, _ioApic, irq);

    private int Take() => _apic.TryAcknowledge(out var vector) ? vector : -1;

    private void SetEntry(int pin, uint low)
    {
        _ioApic.Write(0x00, BitConverter.GetBytes(0x10 + (2 * pin)));
        _ioApic.Write(0x10, BitConverter.GetBytes(low));
    }
}
