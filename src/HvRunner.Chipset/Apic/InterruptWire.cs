using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// A wire whose far end is soldered on after both devices exist: the 8259's INTR is given to its constructor, and the local APIC behind it is
/// given the 8259. What was driven before is driven then. The builder connects it before the first vCPU runs.
/// </summary>
public sealed class InterruptWire : IInterruptLine
{
    private IInterruptLine? _target;
    private bool _asserted;

    /// <summary>Solders the far end on.</summary>
    public void Connect(IInterruptLine target)
    {
        _target = target;
        target.Set(_asserted);
    }

    /// <inheritdoc/>
    public void Set(bool asserted)
    {
        _asserted = asserted;
        _target?.Set(asserted);
    }
}
