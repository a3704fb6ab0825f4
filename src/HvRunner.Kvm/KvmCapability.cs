using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm;

/// <summary>What KVM says of one capability.</summary>
/// <param name="Name">As in linux/kvm.h.</param>
/// <param name="Number">As in linux/kvm.h.</param>
/// <param name="Value">What KVM answers: 0 absent, 1 present, for some a number with a meaning of its own.</param>
/// <param name="Purpose">What it is for, in a few words.</param>
public sealed record KvmCapability(string Name, uint Number, int Value, string Purpose)
{
    /// <summary>The host's KVM has it.</summary>
    public bool IsPresent => Value != 0;

    /// <summary>Asks an open KVM for each capability that matters to a machine monitor on x86-64, in the order of their numbers. Any thread.</summary>
    public static IReadOnlyList<KvmCapability> ListOf(KvmHypervisor hypervisor) =>
    [
        .. KvmCapabilityTable.Rows.Select(row => new KvmCapability(row.Name, row.Number, KvmCall.CheckExtension(hypervisor.Descriptor, row.Number), row.Purpose)),
    ];
}
