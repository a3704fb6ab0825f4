using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// Interrupt messages to KVM's local APICs (KVM_SIGNAL_MSI). KVM takes whatever it is given, so what a message cannot ask for is dropped here: another address, a level
/// that is not asserted, and the modes that only an IPI has. ExtINT is dropped as well: KVM's local APICs take it from LINT0 alone.
/// </summary>
/// <param name="partitionDescriptor">The partition's.</param>
internal sealed unsafe class KvmMessages(int partitionDescriptor) : IMsiTarget
{
    private const ulong Window = 0xfee;
    private const uint Level = 0x8000;
    private const uint Asserted = 0x4000;

    /// <summary>Modes 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT.</summary>
    private const uint Modes = 0b11_0111;

    public bool Send(MsiMessage message)
    {
        if (!IsMessage(message))
        {
            return false;
        }

        var native = new kvm_msi { address_lo = (uint)message.Address, data = message.Data };
        return KvmCall.Try(partitionDescriptor, KVM_SIGNAL_MSI, (nint)(&native)) > 0;
    }

    internal static bool IsMessage(MsiMessage message) =>
        message.Address >> 20 == Window && (Modes >> (int)((message.Data >> 8) & 7) & 1) != 0 && (message.Data & (Level | Asserted)) != Level;
}
