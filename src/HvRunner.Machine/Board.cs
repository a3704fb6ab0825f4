using HvRunner.Chipset.Serial;
using HvRunner.Chipset.Timers;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Interrupts;

namespace HvRunner.Machine;

/// <summary>The wired devices, as far as the running machine still needs to name them.</summary>
internal sealed record Board(AddressSpace Ports, AddressSpace Mmio, Uart16550 Com1, Pit8254 Pit, ConsoleTail Tail, ConsoleTap Tap, InterruptControllers? Interrupts) : IDisposable
{
    /// <summary>A vCPU's local APIC, where it is the machine's.</summary>
    internal ApicAccess? ApicOf(int vcpu) => Interrupts is null ? null : new ApicAccess(Interrupts.ApicOf(vcpu), Interrupts.IoApic);

    public void Dispose()
    {
        Pit.Dispose();
        Interrupts?.Dispose();
    }
}
