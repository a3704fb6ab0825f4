using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// One vCPU's way to its local APIC where that lives in the machine: the register page, which only this vCPU sees and which IA32_APIC_BASE moves, the two MSRs,
/// and what is deliverable. On the vCPU's thread.
/// </summary>
/// <param name="apic">The vCPU's own.</param>
/// <param name="ioApic">The machine's.</param>
internal sealed class ApicAccess(LocalApic apic, IoApic ioApic) : IVcpuInterrupts
{
    private const uint ApicBase = 0x1b;
    private const uint TscDeadline = 0x6e0;
    private const ulong PageMask = 0xfff;

    /// <summary>The APIC's, for traces.</summary>
    internal string Name => apic.Name;

    /// <summary>The register, 0 to 255.</summary>
    internal byte TaskPriority
    {
        get => apic.TaskPriority;
        set => apic.TaskPriority = value;
    }

    public bool HasInterrupt => apic.HasInterrupt;

    public bool CanWakeWithInterruptsOff => apic.CanWakeWithInterruptsOff || ioApic.CanWakeWithInterruptsOff;

    /// <summary>True when the access goes to the page; it then is answered.</summary>
    internal bool TryRead(GuestAddress address, Span<byte> data)
    {
        if (!IsPage(address))
        {
            return false;
        }

        if (apic.Read(address.Value & PageMask, data) != IoStatus.Ok)
        {
            data.Fill(0xff);
        }

        return true;
    }

    /// <summary>True when the access goes to the page; it then is taken.</summary>
    internal bool TryWrite(GuestAddress address, ReadOnlySpan<byte> data)
    {
        if (!IsPage(address))
        {
            return false;
        }

        _ = apic.Write(address.Value & PageMask, data);
        return true;
    }

    /// <summary>Null: not one of the APIC's registers.</summary>
    internal bool? TryReadMsr(uint index, out ulong value)
    {
        if (index is >= LocalApic.X2ApicFirstMsr and <= LocalApic.X2ApicLastMsr)
        {
            return apic.TryReadMsr(index, out value);
        }

        value = index switch
        {
            ApicBase => apic.ApicBase,
            TscDeadline when apic.HasTscDeadline => apic.ReadTscDeadline(),
            _ => 0,
        };
        return index switch
        {
            ApicBase => true,
            TscDeadline => apic.HasTscDeadline,
            _ => null,
        };
    }

    /// <summary>Null: not one of the APIC's registers. False: #GP.</summary>
    internal bool? TryWriteMsr(uint index, ulong value)
    {
        switch (index)
        {
            case >= LocalApic.X2ApicFirstMsr and <= LocalApic.X2ApicLastMsr:
                return apic.TryWriteMsr(index, value);
            case ApicBase:
                return apic.TrySetApicBase(value);
            case TscDeadline when apic.HasTscDeadline:
                apic.WriteTscDeadline(value);
                return true;
            case TscDeadline:
                return false;
            default:
                return null;
        }
    }

    public bool Fill(ref EntryEvents events)
    {
        events.Init = apic.TryTakeInit();
        if (apic.TryTakeStartUp(out var start))
        {
            events.StartupVector = start;
        }

        if (apic.WaitsForStartUp)
        {
            return true;
        }

        if (events.CanTakeNonMaskable)
        {
            events.NonMaskable = apic.TryTakeNonMaskable();
        }

        if (!events.NonMaskable && events.CanTakeInterrupt && apic.TryAcknowledge(out var vector))
        {
            events.Vector = vector;
        }

        events.WaitsForWindow = apic.HasInterrupt;
        events.NonMaskableMayCome = events.Halted && CanWakeWithInterruptsOff;
        return true;
    }

    /// <summary>The APIC tells the IO-APIC itself.</summary>
    public void EndOfInterrupt(byte vector)
    {
    }

    private bool IsPage(GuestAddress address) => (address.Value & ~PageMask) == (apic.ApicBase & ~PageMask) && apic.HasPage;
}
