namespace HvRunner.Chipset.Apic;

/// <summary>How a local APIC tells its processor that it may have something to deliver.</summary>
public interface ILocalApicSignal
{
    /// <summary>
    /// Something deliverable may have appeared: the vCPU should look at <see cref="LocalApic.HasInterrupt"/> and
    /// <see cref="LocalApic.TryTakeNonMaskable"/> before it next enters the guest, or leave the guest to do so. Called on any thread, the vCPU's own
    /// included, with no lock of the APIC held but possibly a device's; must not wait, and may come without need.
    /// </summary>
    void Signal();
}
