using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// One wire to two inputs, as a PC's board has it: an ISA interrupt goes to the 8259 pair and to the IO-APIC, and the pair's INTR to LINT0 and to pin 0 of
/// the IO-APIC. The first is driven before the second, with no lock of its own.
/// </summary>
/// <param name="first">One input.</param>
/// <param name="second">The other.</param>
public sealed class ForkedWire(IInterruptLine first, IInterruptLine second) : IInterruptLine
{
    /// <inheritdoc/>
    public void Set(bool asserted)
    {
        first.Set(asserted);
        second.Set(asserted);
    }
}
