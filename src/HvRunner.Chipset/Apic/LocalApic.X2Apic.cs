// The local APIC's registers as MSRs 0x800 to 0x83f: SDM volume 3A, "Extended XAPIC (x2APIC)". An MSR's number is the page's offset over sixteen.
//
// The ICR is one register of 64 bits, the id and the logical id are read-only, DFR, APR, RRD and the ICR's upper half are gone, and the self IPI is new. A
// register that is not there, a reserved bit that is set, a read of what can only be written and the reverse are #GP, and log nothing in the ESR.
// Delivery status and remote IRR are read-only and not reserved: software writes back what it has read.

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    /// <summary>The first MSR of x2APIC mode; this one and 255 more belong to it.</summary>
    public const uint X2ApicFirstMsr = 0x800;

    /// <summary>The last MSR that is set aside for x2APIC mode.</summary>
    public const uint X2ApicLastMsr = 0x8ff;

    /// <summary>RDMSR of an x2APIC register; false is #GP, as everything is outside x2APIC mode. The vCPU's thread.</summary>
    public bool TryReadMsr(uint index, out ulong value)
    {
        Effects effects;
        lock (_lock)
        {
            var offset = OffsetOf(index);
            if (Mode != ApicMode.X2Apic || !IsReadableMsr(offset))
            {
                value = 0;
                return false;
            }

            value = offset switch
            {
                LocalApicRegister.Id => _initialId,
                LocalApicRegister.LogicalDestination => LogicalDestination,
                LocalApicRegister.InterruptCommandLow => ((ulong)_icr.High << 32) | _icr.Low,
                _ => ReadRegister(offset),
            };
            effects = TakeEffects();
        }

        Emit(effects);
        return true;
    }

    /// <summary>WRMSR of an x2APIC register; false is #GP, as everything is outside x2APIC mode. The vCPU's thread.</summary>
    public bool TryWriteMsr(uint index, ulong value)
    {
        Effects effects;
        lock (_lock)
        {
            var offset = OffsetOf(index);
            if (Mode != ApicMode.X2Apic || ReservedBits(offset) is not { } reserved || (value & reserved) != 0)
            {
                return false;
            }

            switch (offset)
            {
                case LocalApicRegister.InterruptCommandLow:
                    _icr = new Icr((uint)value & Icr.LowWritable, (uint)(value >> 32));
                    Send(_icr);
                    break;
                case LocalApicRegister.SelfIpi:
                    Send(Icr.Self((byte)value));
                    break;
                default:
                    WriteRegister(offset, (uint)value);
                    break;
            }

            effects = TakeEffects();
        }

        Emit(effects);
        return true;
    }

    private static int OffsetOf(uint index) => index is >= X2ApicFirstMsr and <= X2ApicLastMsr ? (int)(index - X2ApicFirstMsr) * RegisterStep : -1;

    private static bool IsReadableMsr(int offset) => offset switch
    {
        LocalApicRegister.Id or LocalApicRegister.Version or LocalApicRegister.TaskPriority or LocalApicRegister.ProcessorPriority => true,
        LocalApicRegister.LogicalDestination or LocalApicRegister.SpuriousVector => true,
        >= LocalApicRegister.InService and <= LocalApicRegister.ErrorStatus => true,
        LocalApicRegister.LvtCmci or LocalApicRegister.InterruptCommandLow => true,
        >= LocalApicRegister.LvtFirst and <= LocalApicRegister.CurrentCount => true,
        LocalApicRegister.DivideConfiguration => true,
        _ => false,
    };

    /// <summary>The bits that must be 0; null where nothing can be written.</summary>
    private ulong? ReservedBits(int offset) => offset switch
    {
        LocalApicRegister.TaskPriority or LocalApicRegister.SelfIpi => ~0xfful,
        LocalApicRegister.EndOfInterrupt or LocalApicRegister.ErrorStatus => ~0ul,
        LocalApicRegister.SpuriousVector => ~(ulong)SpuriousVectorRegister.Writable,
        LocalApicRegister.InterruptCommandLow => Icr.X2ApicReserved,
        LocalApicRegister.LvtCmci or (>= LocalApicRegister.LvtFirst and <= LocalApicRegister.LvtLast) =>
            ~(ulong)(Lvt.Writable(EntryAt(offset), HasTscDeadline) | Lvt.ReadOnly(EntryAt(offset))),
        LocalApicRegister.InitialCount => ~(ulong)uint.MaxValue,
        LocalApicRegister.DivideConfiguration => ~(ulong)LocalApicTimer.DivideWritable,
        _ => null,
    };
}
