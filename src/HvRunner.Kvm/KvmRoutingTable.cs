using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>A partition's table of interrupt routes (KVM_SET_GSI_ROUTING): where the signal of a global system interrupt goes.</summary>
internal static unsafe class KvmRoutingTable
{
    private const int HeaderBytes = 8;

    /// <summary>Puts these routes in the place of all others. Each table that is set costs the host a grace period. Throws <see cref="Abstractions.HypervisorException"/>.</summary>
    internal static void Set(int partitionDescriptor, ReadOnlySpan<kvm_irq_routing_entry> entries)
    {
        var table = stackalloc byte[HeaderBytes + (entries.Length * sizeof(kvm_irq_routing_entry))];
        *(uint*)table = (uint)entries.Length;
        *(uint*)(table + sizeof(uint)) = 0;
        entries.CopyTo(new Span<kvm_irq_routing_entry>(table + HeaderBytes, entries.Length));
        KvmCall.ThrowOnError(partitionDescriptor, KVM_SET_GSI_ROUTING, table, "KVM_SET_GSI_ROUTING");
    }
}
