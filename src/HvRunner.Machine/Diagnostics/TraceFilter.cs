namespace HvRunner.Machine.Diagnostics;

/// <summary>What crosses the guest's border, as <c>--trace-filter</c> names it.</summary>
[Flags]
public enum TraceKinds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>IN and OUT.</summary>
    Port = 1,

    /// <summary>Memory-mapped registers.</summary>
    Mmio = 2,

    /// <summary>Model-specific registers that the hypervisor passes on.</summary>
    Msr = 4,

    /// <summary>Wires into the interrupt controllers.</summary>
    Interrupt = 8,

    /// <summary>Hypercalls that the hypervisor passes on.</summary>
    Hypercall = 16,

    /// <summary>Instructions that the hypervisor refused and hvrun completed.</summary>
    Instruction = 32,

    /// <summary>Everything.</summary>
    All = Port | Mmio | Msr | Interrupt | Hypercall | Instruction,
}

/// <summary>
/// What a trace holds: kinds and device names, in any mixture. With kinds only, these kinds of every device; with devices only, everything of
/// these devices; with both, these kinds of these devices.
/// </summary>
/// <param name="Kinds">The kinds.</param>
/// <param name="Devices">Device names; empty for all.</param>
public sealed record TraceFilter(TraceKinds Kinds, IReadOnlyList<string> Devices)
{
    /// <summary>The words that name a kind.</summary>
    public static IReadOnlyList<string> KindNames { get; } = ["port", "mmio", "msr", "interrupt", "hypercall", "instruction"];

    /// <summary>Everything.</summary>
    public static TraceFilter Everything { get; } = new(TraceKinds.All, []);

    /// <summary>Reads a comma-separated list of kinds and device names; an unknown word is a device that may not exist, which the caller checks.</summary>
    public static TraceFilter Parse(string text)
    {
        var kinds = TraceKinds.None;
        var devices = new List<string>();
        foreach (var word in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var kind = KindNames.ToList().IndexOf(word);
            if (kind >= 0)
            {
                kinds |= (TraceKinds)(1 << kind);
            }
            else
            {
                devices.Add(word);
            }
        }

        return new TraceFilter(kinds == TraceKinds.None ? TraceKinds.All : kinds, devices);
    }

    /// <summary>True when an event of this kind and device belongs into the trace.</summary>
    public bool Includes(TraceKinds kind, string? device) =>
        (Kinds & kind) != 0 && (Devices.Count == 0 || (device is not null && Devices.Contains(device)));
}
