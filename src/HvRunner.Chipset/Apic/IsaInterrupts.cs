using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// The sixteen ISA interrupts of a PC with both kinds of controllers: each wire goes to its 8259 input and to an IO-APIC pin, of the same number but for the
/// interval timer's. That override, IRQ 0 to GSI 2, is what the MADT and the MP table must say; pin 0 is INTR's, for ExtINT.
/// </summary>
public static class IsaInterrupts
{
    /// <summary>There are so many; 2 is the cascade.</summary>
    public const int Count = 16;

    /// <summary>The pin that the 8259 pair's INTR is on.</summary>
    public const int IntrPin = 0;

    private const int TimerIrq = 0;
    private const int TimerGsi = 2;

    /// <summary>The global system interrupt, here also the IO-APIC's pin, of ISA interrupt 0 to 15; there is none for 2, the cascade.</summary>
    public static int GsiOf(int irq) => irq == TimerIrq ? TimerGsi : irq;

    /// <summary>The wire of ISA interrupt 0 to 15, without 2. For the builder; a device drives it from any thread.</summary>
    public static IInterruptLine GetLine(Pic8259Pair pic, IoApic ioApic, int irq) => new ForkedWire(pic.GetLine(irq), ioApic.GetLine(GsiOf(irq)));
}
