using System.Reflection;
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

    /// <summary>/dev/kvm.</summary>
    Kvm,
}

/// <summary>A theory's row for the soft processor, with either clock.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnSoftAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[Backend.Soft], [Backend.SoftVirtual]];
}

/// <summary>A theory's row for KVM, skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnKvmAttribute : DataAttribute
{
    public OnKvmAttribute() => Skip = KvmDevice.Absence;

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[Backend.Kvm]];
}
