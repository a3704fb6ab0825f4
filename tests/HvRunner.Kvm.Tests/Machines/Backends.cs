using System.Reflection;
using HvRunner.Abstractions;
using HvRunner.Kvm.Tests.Live;
using Xunit.Sdk;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>What a machine runs on.</summary>
public enum Backend
{
    /// <summary>The soft processor on the host's time.</summary>
    Soft,

    /// <summary>The soft processor on a virtual clock.</summary>
    SoftVirtual,

    /// <summary>/dev/kvm with its own interrupt controllers.</summary>
    Kvm,

    /// <summary>/dev/kvm with its own local APICs.</summary>
    KvmSplit,

    /// <summary>/dev/kvm without interrupt controllers.</summary>
    KvmUser,
}

internal static class Backends
{
    internal static bool IsKvm(this Backend backend) => backend >= Backend.Kvm;

    /// <summary>Where the interrupt controllers live.</summary>
    internal static IrqchipMode Irqchip(this Backend backend) => backend switch
    {
        Backend.Kvm => IrqchipMode.Kernel,
        Backend.KvmSplit => IrqchipMode.Split,
        _ => IrqchipMode.User,
    };
}

/// <summary>A theory's row for the soft processor, with either clock.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnSoftAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[Backend.Soft], [Backend.SoftVirtual]];
}

/// <summary>A theory's rows for KVM, one for each place of the interrupt controllers that it offers, or those asked for alone; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnKvmAttribute : DataAttribute
{
    private readonly IrqchipMode[] _modes;

    public OnKvmAttribute(params IrqchipMode[] modes)
    {
        _modes = modes;
        Skip = KvmDevice.Absence;
    }

    /// <summary>Only where a guest has the TSC deadline; some KVMs drop its writes in user mode.</summary>
    public bool TscDeadline { get; init; }

    /// <summary>Only where a guest can move its time-stamp counter; some KVMs show it the host's in user mode.</summary>
    public bool MovableCounter { get; init; }

    /// <summary>Rules of <see cref="Machine.Probes.InterruptRules"/> that KVM's own controllers, where they are in use, have to keep.</summary>
    public string[] Rules { get; init; } = [];

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        from backend in (Backend[])[Backend.Kvm, Backend.KvmSplit, Backend.KvmUser]
        where KvmDevice.Modes.Contains(backend.Irqchip()) && (_modes is [] || _modes.Contains(backend.Irqchip()))
        where backend == Backend.KvmUser ? !MovableCounter || KvmDevice.MovesCounterInUserMode : Rules.All(KvmDevice.Keeps)
        where !TscDeadline || backend != Backend.KvmUser || KvmDevice.HasTscDeadlineInUserMode
        select new object[] { backend };
}
