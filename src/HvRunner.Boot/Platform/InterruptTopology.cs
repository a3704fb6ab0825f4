namespace HvRunner.Boot.Platform;

/// <summary>
/// What firmware tells an operating system about processors and interrupt controllers, in terms that ACPI's MADT and the MP table share. It is only a
/// description: whoever makes the machine fills it in.
/// </summary>
public sealed record InterruptTopology
{
    /// <summary>The processors; the first one starts the system.</summary>
    public required IReadOnlyList<ProcessorDescription> Processors { get; init; }

    /// <summary>The IO-APICs.</summary>
    public required IReadOnlyList<IoApicDescription> IoApics { get; init; }

    /// <summary>ISA interrupts that do not arrive at the GSI of their own number as an active-high edge.</summary>
    public IReadOnlyList<InterruptOverride> Overrides { get; init; } = [];

    /// <summary>Where every processor finds its own local APIC.</summary>
    public uint LocalApicAddress { get; init; } = 0xfee0_0000;

    /// <summary>There is a pair of 8259 as well, wired to the first processor's LINT0.</summary>
    public bool HasPic8259 { get; init; } = true;
}

/// <summary>A processor.</summary>
/// <param name="ApicId">Its local APIC's id.</param>
public readonly record struct ProcessorDescription(uint ApicId);

/// <summary>An IO-APIC.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Address">Where its registers are.</param>
/// <param name="FirstGsi">The GSI of its first pin.</param>
/// <param name="Pins">Number of its pins.</param>
public readonly record struct IoApicDescription(byte Id, uint Address, uint FirstGsi, int Pins);

/// <summary>Where and how an ISA interrupt really arrives.</summary>
/// <param name="Irq">The ISA interrupt, 0 to 15.</param>
/// <param name="Gsi">The GSI.</param>
/// <param name="Polarity">Its polarity.</param>
/// <param name="Trigger">Its trigger mode.</param>
public readonly record struct InterruptOverride(
    byte Irq, uint Gsi, InterruptPolarity Polarity = InterruptPolarity.OfTheBus, InterruptTrigger Trigger = InterruptTrigger.OfTheBus)
{
    /// <summary>The MPS INTI flags of ACPI (6.5, table 5.26) and the MP specification (1.4, table 4-10).</summary>
    internal ushort Flags => (ushort)((int)Polarity | ((int)Trigger << 2));
}

/// <summary>Which level asserts an interrupt.</summary>
public enum InterruptPolarity
{
    /// <summary>As the bus has it; ISA: high.</summary>
    OfTheBus = 0,

    /// <summary>High.</summary>
    ActiveHigh = 1,

    /// <summary>Low.</summary>
    ActiveLow = 3,
}

/// <summary>What of an interrupt's signal counts.</summary>
public enum InterruptTrigger
{
    /// <summary>As the bus has it; ISA: the edge.</summary>
    OfTheBus = 0,

    /// <summary>The edge.</summary>
    Edge = 1,

    /// <summary>The level.</summary>
    Level = 3,
}
