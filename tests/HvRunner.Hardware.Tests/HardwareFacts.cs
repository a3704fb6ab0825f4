using System.Runtime.Intrinsics.X86;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Kvm;

namespace HvRunner.Hardware.Tests;

/// <summary>A test against the real processor in a guest of its own: skipped where there is no /dev/kvm, or where it does not run ring 3.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KvmHardwareFactAttribute : FactAttribute
{
    public KvmHardwareFactAttribute() => Skip = HardwareHost.NoKvm.Value;
}

/// <summary>A test against the real processor in a process: skipped where the host's kernel has not what that needs.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HardwareFactAttribute : FactAttribute
{
    public HardwareFactAttribute() => Skip = HardwareHost.NoProcess.Value;
}

/// <summary>What this host can do for the tests, found once.</summary>
internal static class HardwareHost
{
    public static Lazy<string?> NoKvm { get; } = new(() =>
        File.Exists(KvmHypervisor.DevicePath) ? Absence("ring 3 does not run on this KVM", () => new KvmProcessor()) : $"there is no {KvmHypervisor.DevicePath} on this host");

    public static Lazy<string?> NoProcess { get; } = new(() => Absence("ring 3 of this host cannot be used", () => new HostProcess()));

    public static bool IsNightly { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";

    /// <summary>Who made the host's processor: EBX, ECX and EDX of CPUID's leaf 0.</summary>
    public static (uint Ebx, uint Ecx, uint Edx) Maker { get; } = ReadMaker();

    /// <summary>"Genu", "ntel", "ineI".</summary>
    public static bool IsIntel => Maker == (0x756e_6547, 0x6c65_746e, 0x4965_6e69);

    private static (uint Ebx, uint Ecx, uint Edx) ReadMaker()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        return ((uint)ebx, (uint)ecx, (uint)edx);
    }

    private static string? Absence(string what, Func<IRealProcessor> make)
    {
        try
        {
            using var processor = make();
            return null;
        }
        catch (InvalidOperationException refused)
        {
            return $"{what}: {refused.Message}";
        }
    }
}
