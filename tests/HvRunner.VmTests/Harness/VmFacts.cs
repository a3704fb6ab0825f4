using HvRunner.Kvm;

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

/// <summary>What this host can do.</summary>
internal static class ThisHost
{
    /// <summary>Null where virtual machines can run.</summary>
    internal static string? ReasonToSkip { get; } = Find();

    internal static bool IsNightly { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";

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
