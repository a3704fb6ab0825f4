namespace HvRunner.Chipset.Apic;

/// <summary>
/// A processor that INIT and start-up messages (SIPI) can stop and start: what a <see cref="ILocalApicSignal"/> implements to receive them. To any other,
/// such messages are not delivered, and it never waits for one.
/// </summary>
public interface IProcessorStart : ILocalApicSignal
{
    /// <summary>
    /// INIT or a SIPI has come: the vCPU should leave the guest, or wake where it waits for a SIPI, and call <see cref="LocalApic.TryTakeInit"/>, then
    /// <see cref="LocalApic.TryTakeStartUp"/>. Called on any thread, the vCPU's own included, with no lock of an APIC held but possibly a device's; must
    /// not wait.
    /// </summary>
    void SignalStart();
}
