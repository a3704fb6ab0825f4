using HvRunner.Hardware.Tests.Guest;
using HvRunner.Kvm;

namespace HvRunner.Hardware.Tests;

/// <summary>A test against the real processor: skipped where there is no /dev/kvm, or where it does not run ring 3.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HardwareFactAttribute : FactAttribute
{
    public HardwareFactAttribute() => Skip = HardwareHost.Absence.Value;
}

/// <summary>What this host can do for the tests, found once.</summary>
internal static class HardwareHost
{
    public static Lazy<string?> Absence { get; } = new(() =>
    {
        if (!File.Exists(KvmHypervisor.DevicePath))
        {
            return $"there is no {KvmHypervisor.DevicePath} on this host";
        }

        try
        {
            using var processor = new HardwareProcessor();
            return null;
        }
        catch (InvalidOperationException refused)
        {
            return $"ring 3 does not run on this KVM: {refused.Message}";
        }
    });

    public static bool IsNightly { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";
}
