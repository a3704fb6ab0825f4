using HvRunner.Abstractions;

namespace HvRunner.Launch;

/// <summary>On what a guest runs.</summary>
/// <param name="IsSoft">On hvrun's own processor, else on KVM.</param>
/// <param name="IsVirtualClock">Guest time is counted in instructions.</param>
/// <param name="Irqchip">Where the interrupt controllers live; null for where the hypervisor prefers them.</param>
public sealed record HypervisorSettings(bool IsSoft, bool IsVirtualClock, IrqchipMode? Irqchip)
{
    /// <summary>The environment variable that sets the default.</summary>
    public const string Variable = "HVRUN_HYPERVISOR";

    /// <summary>What runs a guest when nothing else is asked for.</summary>
    public static HypervisorSettings Kvm { get; } = new(false, false, null);
}
