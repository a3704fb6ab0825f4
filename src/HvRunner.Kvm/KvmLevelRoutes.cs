using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// KVM's routing table where the IO-APIC is the machine's. It then exists for one reason: KVM tells the end of an interrupt only when the level-triggered message of one of the
/// first <see cref="PinCount"/> routes has its vector and its processor. Nothing is ever sent by way of a route. One that was set stays until its pin sends something
/// else: a pin that was masked meanwhile still waits for the end.
/// </summary>
/// <param name="partitionDescriptor">The partition's.</param>
internal sealed class KvmLevelRoutes(int partitionDescriptor) : ILevelRoutes
{
    /// <summary>How many routes KVM is to look at.</summary>
    internal const int PinCount = 24;

    private readonly MsiMessage?[] _messages = new MsiMessage?[PinCount];

    public void Set(int pin, MsiMessage message)
    {
        if (_messages[pin] == message)
        {
            return;
        }

        _messages[pin] = message;
        Span<kvm_irq_routing_entry> entries = stackalloc kvm_irq_routing_entry[PinCount];
        KvmRoutingTable.Set(partitionDescriptor, entries[..Fill(entries)]);
    }

    private int Fill(Span<kvm_irq_routing_entry> entries)
    {
        var count = 0;
        for (var pin = 0; pin < PinCount; pin++)
        {
            if (_messages[pin] is { } message)
            {
                entries[count++] = new kvm_irq_routing_entry
                {
                    gsi = (uint)pin,
                    type = KVM_IRQ_ROUTING_MSI,
                    msi_address_lo = (uint)message.Address,
                    msi_data = message.Data,
                };
            }
        }

        return count;
    }
}
