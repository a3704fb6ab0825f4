using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine;
using HvRunner.Machine.Probes;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>A test on the real /dev/kvm: skipped where there is none, and only there. One that exists and may not be opened is a failure.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KvmFactAttribute : FactAttribute
{
    public KvmFactAttribute() => Skip = KvmDevice.Absence;
}

/// <summary>A test of what moves a guest's time-stamp counter: skipped as well on a KVM that shows a guest the host's whatever it writes.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KvmCounterTheoryAttribute : TheoryAttribute
{
    public KvmCounterTheoryAttribute() =>
        Skip = KvmDevice.Absence ?? (KvmDevice.MovesCounterInUserMode ? null : "this KVM shows a guest the host's time-stamp counter, whatever it writes");
}

/// <summary>As <see cref="KvmFactAttribute"/>, for theories.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KvmTheoryAttribute : TheoryAttribute
{
    public KvmTheoryAttribute() => Skip = KvmDevice.Absence;
}

/// <summary>The tests on /dev/kvm run one after the other: each measures or races on a host of few processors.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class KvmDevice
{
    public const string Name = "kvm";

    internal static string? Absence { get; } = File.Exists(KvmHypervisor.DevicePath) ? null : $"there is no {KvmHypervisor.DevicePath} on this host";

    /// <summary>The irqchip modes of this host; all of them where that cannot be told, so that a test says why.</summary>
    internal static IReadOnlyList<IrqchipMode> Modes { get; } = FindModes();

    /// <summary>How often a race is run: many times where nobody waits for the answer.</summary>
    internal static int Rounds { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1" ? 20_000 : 2_000;

    /// <summary>A guest has the TSC deadline in user mode.</summary>
    internal static bool HasTscDeadlineInUserMode { get; } = Ask(hypervisor => GuestCpuid.HasTscDeadline(hypervisor.GetSupportedCpuid(IrqchipMode.User)), orElse: true);

    /// <summary>A guest in user mode can set its time-stamp counter.</summary>
    internal static bool MovesCounterInUserMode => !UserMode.IsFixed;

    /// <summary>KVM may not tell of a short window for interrupts in user mode.</summary>
    internal static bool MissesWindows => UserMode.Misses;

    private static (bool IsFixed, bool Misses) UserMode { get; } = Ask(
        hypervisor =>
        {
            _ = hypervisor.GetSupportedCpuid(IrqchipMode.User);
            return (hypervisor.IsTimestampFixed, hypervisor.MissesWindows);
        },
        orElse: (false, false));

    /// <summary>Whether this KVM keeps a rule that the probe of <c>hvrun doctor</c> asks about, by its name in <see cref="InterruptRules"/>.</summary>
    internal static bool Keeps(string rule) => Rules.Value.GetValueOrDefault(rule, true);

    private static Lazy<IReadOnlyDictionary<string, bool>> Rules { get; } = new(() => Ask(
        hypervisor =>
        {
            using var guest = CarriedGuest.Open("probe");
            return HostProbe.Run(hypervisor, guest).InterruptRules;
        },
        orElse: new Dictionary<string, bool>()));

    private static IReadOnlyList<IrqchipMode> FindModes() => Ask(hypervisor => hypervisor.IrqchipModes, orElse: Enum.GetValues<IrqchipMode>());

    private static T Ask<T>(Func<KvmHypervisor, T> question, T orElse)
    {
        try
        {
            using var hypervisor = KvmHypervisor.Open();
            return question(hypervisor);
        }
        catch (HypervisorException)
        {
            return orElse;
        }
    }
}
