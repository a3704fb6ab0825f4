using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine.Probes;

namespace HvRunner.Testing.Cases;

/// <summary>What this host can run guests on, found by trying, once. Any thread.</summary>
internal sealed class HostAbilities
{
    private readonly Lazy<string?> _kvm = new(() => Refusal(HypervisorSettings.Kvm)?.Message);
    private readonly Lazy<bool> _isSoftwareAssisted = new(IsSoftwareAssisted);

    /// <summary>Why a case that requires this cannot run here; null when it can.</summary>
    /// <param name="required">A name of a script's <c>requires</c>.</param>
    /// <param name="runsOn">What the case would run on.</param>
    internal string? WhyNot(string required, HypervisorSettings runsOn) => required switch
    {
        "hypervisor" or "user-space" when runsOn.IsSoft => null,
        "soft" => runsOn.IsSoft ? null : "requires soft, and runs on kvm",
        "whp" => "requires whp, the Windows Hypervisor Platform, which this hvrun does not drive",
        _ when runsOn.IsSoft => $"requires {required}, and runs on soft",
        _ when _kvm.Value is { } refusal => $"requires {required}: {refusal}",
        "hardware" or "user-space" when _isSoftwareAssisted.Value => $"requires {required}, and this host's KVM is software-assisted",
        _ => null,
    };

    /// <summary>Why nothing can run on this hypervisor; null when it can.</summary>
    internal static HypervisorException? Refusal(HypervisorSettings hypervisor)
    {
        try
        {
            OpenedHypervisor.Open(hypervisor).Dispose();
            return null;
        }
        catch (HypervisorException exception)
        {
            return exception;
        }
    }

    private static bool IsSoftwareAssisted()
    {
        using var opened = OpenedHypervisor.Open(HypervisorSettings.Kvm);
        using var probe = CarriedGuest.Open("probe");
        return HostProbe.IsSoftwareAssisted(opened.Hypervisor, probe) != false;
    }
}
