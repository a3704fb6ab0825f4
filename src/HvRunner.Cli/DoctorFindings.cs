using HvRunner.Abstractions;
using HvRunner.Kvm;
using HvRunner.Machine.Probes;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary>Everything that <c>hvrun doctor</c> found out. What it says follows from this alone.</summary>
internal sealed record DoctorFindings
{
    /// <summary>The host as it looks without opening anything.</summary>
    internal required DoctorHost Host { get; init; }

    /// <summary>Why KVM cannot be used; null when it opened.</summary>
    internal string? Refusal { get; init; }

    /// <summary>Only the permission is missing.</summary>
    internal bool IsPermission { get; init; }

    /// <summary>The opened KVM.</summary>
    internal DoctorKvm? Kvm { get; init; }

    /// <summary>What the probe guest found.</summary>
    internal HostProbeResult? Probe { get; init; }

    /// <summary>hvrun's own processor serves a guest better than what was found: there is no usable KVM, or one that runs kernels by software.</summary>
    internal bool IsSoftBetter => ExitStatus != 0 || Probe is { SoftwareAssisted: true };

    /// <summary>0, 69 or 77.</summary>
    internal int ExitStatus => IsPermission
        ? (int)VerdictKind.NoPermission
        : Kvm is null || Probe is null or { Refused: true } ? (int)VerdictKind.NoHypervisor : 0;
}

/// <summary>What an opened KVM says of itself.</summary>
internal sealed record DoctorKvm(int ApiVersion, int MaxVcpus, IReadOnlyList<IrqchipMode> IrqchipModes, IReadOnlyList<KvmCapability> Capabilities)
{
    /// <summary>A guest has the TSC deadline with <c>--irqchip user</c>; null where that is not offered.</summary>
    internal bool? HasTscDeadlineInUserMode { get; init; }

    /// <summary>With <c>--irqchip user</c> a guest can set its time-stamp counter; null where that is not offered.</summary>
    internal bool? CanSetCounterInUserMode { get; init; }

    /// <summary>The value of a capability; 0 when it is absent.</summary>
    internal int ValueOf(string capability) => Capabilities.FirstOrDefault(one => one.Name == capability)?.Value ?? 0;
}

/// <summary>One thing that doctor has to say.</summary>
/// <param name="Topic">The heading it stands under.</param>
/// <param name="IsProblem">Something is missing, slow or wrong.</param>
/// <param name="Text">A plain sentence.</param>
/// <param name="Fix">What to do, where something can be done.</param>
internal sealed record DoctorSentence(string Topic, bool IsProblem, string Text, string? Fix = null);
