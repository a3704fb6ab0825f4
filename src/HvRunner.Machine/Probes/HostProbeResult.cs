namespace HvRunner.Machine.Probes;

/// <summary>What a probe guest found out about the hypervisor below it; null is what it did not get to.</summary>
public sealed record HostProbeResult
{
    /// <summary>Why the probe came to no proper end, as a sentence; null when it did.</summary>
    public string? Failure { get; init; }

    /// <summary>The hypervisor refused to make the probe's machine, so it will refuse others.</summary>
    public bool Refused { get; init; }

    /// <summary>How many instructions of a register loop ring 0 runs in a second.</summary>
    public long? Ring0InstructionsPerSecond { get; init; }

    /// <summary>Ring 0 was too fast for the measurement; <see cref="Ring0InstructionsPerSecond"/> is a lower bound.</summary>
    public bool IsSpeedLowerBound { get; init; }

    /// <summary>Ring 0 is run by software.</summary>
    public bool? SoftwareAssisted { get; init; }

    /// <summary>An interrupt that the guest sends to itself arrives.</summary>
    public bool? InterruptsDelivered { get; init; }

    /// <summary>The local APIC shows the in-service bit of the interrupt that is being handled, and its priority.</summary>
    public bool? InServiceBitsKept { get; init; }

    /// <summary>The local APIC holds an interrupt of a lower class back until the end of a higher one, and delivers it then.</summary>
    public bool? PriorityHeld { get; init; }

    /// <summary>By the names of <see cref="Probes.InterruptRules"/>, whether the hypervisor's controllers keep them; those that were asked.</summary>
    public IReadOnlyDictionary<string, bool> InterruptRules { get; init; } = new Dictionary<string, bool>();

    /// <summary>None of these was found broken.</summary>
    public bool KeepsEveryInterruptRule => InterruptRules.Values.All(kept => kept);

    /// <summary>The time stamp counter counts.</summary>
    public bool? TscAdvances { get; init; }

    /// <summary>About how fast, where enough time passed to tell.</summary>
    public long? TscHertz { get; init; }

    /// <summary>The time from one byte to an output port to the next, the guest's loop around it included, in nanoseconds.</summary>
    public long? PortWriteNs { get; init; }

    /// <summary>Names of the instructions that the guest tried because instruction emulators often lack them.</summary>
    public IReadOnlyList<string> InstructionsTried { get; init; } = [];

    /// <summary>How many instructions the hypervisor refused and hvrun completed.</summary>
    public long CompletedInstructions { get; init; }
}
