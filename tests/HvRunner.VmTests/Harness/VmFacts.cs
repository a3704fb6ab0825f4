using HvRunner.Boot;
using HvRunner.Kvm;
using HvRunner.Machine.Probes;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace HvRunner.VmTests.Harness;

/// <summary>A test that needs a virtual machine.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class VmFactAttribute : FactAttribute
{
    public VmFactAttribute() => Skip = ThisHost.ReasonToSkip;
}

/// <summary>A theory that needs a virtual machine.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class VmTheoryAttribute : TheoryAttribute
{
    public VmTheoryAttribute() => Skip = ThisHost.ReasonToSkip;
}

/// <summary>A test that needs a virtual machine and more time than a run for every change has.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NightlyVmFactAttribute : FactAttribute
{
    public NightlyVmFactAttribute() => Skip = ThisHost.ReasonToSkip ?? (ThisHost.IsNightly ? null : "long; runs with tests/run --nightly");
}

/// <summary>A test that needs no virtual machine of this host, but more time than a run for every change has.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NightlyFactAttribute : FactAttribute
{
    public NightlyFactAttribute() => Skip = ThisHost.IsNightly ? null : "long; runs with tests/run --nightly";
}

/// <summary>As <see cref="NightlyFactAttribute"/>, for theories.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NightlyTheoryAttribute : TheoryAttribute
{
    public NightlyTheoryAttribute() => Skip = ThisHost.IsNightly ? null : "long; runs with tests/run --nightly";
}

/// <summary>A test that needs a KVM on VMX or SVM: the processor itself runs all of the guest.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OrdinaryKvmFactAttribute : FactAttribute
{
    public OrdinaryKvmFactAttribute() =>
        Skip = ThisHost.ReasonToSkip ?? (ThisHost.IsSoftwareAssisted ? "needs a KVM on VMX or SVM; this one runs ring 0 by software" : null);
}

/// <summary>A test about what a KVM that runs ring 0 by software does otherwise, where somebody has written that down.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SoftwareAssistedKvmFactAttribute : FactAttribute
{
    /// <summary>What is known of such a KVM.</summary>
    internal static readonly string Table = Path.Combine(Artifacts.Root, "guests", "processor", "software-assisted-kvm");

    public SoftwareAssistedKvmFactAttribute() => Skip = ThisHost.ReasonToSkip ??
        (!ThisHost.IsSoftwareAssisted ? "is about a KVM that runs ring 0 by software"
        : !File.Exists(Table) && Environment.GetEnvironmentVariable("HVRUN_DEVIATIONS") is null ? $"there is no {Table}; HVRUN_DEVIATIONS=FILE measures its rows"
        : null);
}

/// <summary>What this host can do.</summary>
internal static class ThisHost
{
    private static readonly Lazy<bool> RunsRing0BySoftware = new(Probe);

    /// <summary>Null where virtual machines can run.</summary>
    internal static string? ReasonToSkip { get; } = Find();

    internal static bool IsNightly { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";

    /// <summary>Its KVM runs ring 0 by software, as hvrun's own probe finds. Only where there is a KVM.</summary>
    internal static bool IsSoftwareAssisted => RunsRing0BySoftware.Value;

    private static bool Probe()
    {
        using var hypervisor = KvmHypervisor.Open();
        using var guest = new FileImageSource(Artifacts.Guest("probe"));
        return HostProbe.IsSoftwareAssisted(hypervisor, guest) == true;
    }

    private static string? Find()
    {
        try
        {
            KvmHypervisor.Open().Dispose();
            return null;
        }
        catch (Exception exception)
        {
            return $"needs a usable {KvmHypervisor.DevicePath}: {exception.Message}";
        }
    }
}
