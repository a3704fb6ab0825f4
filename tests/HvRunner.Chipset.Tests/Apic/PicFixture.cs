using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>The pair as an operating system sets it up: vectors 0x30 and 0x38, normal EOI, nothing masked.</summary>
public abstract class PicFixture
{
    protected const byte NonSpecificEoi = 0x20;
    protected const byte ReadIrr = 0x0a;
    protected const byte ReadIsr = 0x0b;

    protected PicFixture() => Pic = new Pic8259Pair(Intr);

    protected RecordingLine Intr { get; } = new();

    protected Pic8259Pair Pic { get; }

    protected IBusDevice Master => Pic.MasterPorts;

    protected IBusDevice Slave => Pic.SlavePorts;

    protected void Initialize(byte masterIcw4 = 0x01, byte slaveIcw4 = 0x01)
    {
        Program(Master, 0x11, 0x30, 0x04, masterIcw4);
        Program(Slave, 0x11, 0x38, 0x02, slaveIcw4);
    }

    protected static void Program(IBusDevice chip, params byte[] words)
    {
        chip.Out(0, words[0]);
        foreach (var word in words[1..])
        {
            chip.Out(1, word);
        }
    }

    protected void Raise(int irq) => Pic.GetLine(irq).Set(true);

    protected void Lower(int irq) => Pic.GetLine(irq).Set(false);

    protected static byte Irr(IBusDevice chip)
    {
        chip.Out(0, ReadIrr);
        return chip.In(0);
    }

    protected static byte Isr(IBusDevice chip)
    {
        chip.Out(0, ReadIsr);
        return chip.In(0);
    }
}
