using HvRunner.Chipset.Apic;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Serial;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Interrupts;

namespace HvRunner.Machine;

/// <summary>The wired devices, as far as the running machine still needs to name them, and those that hold deadlines of the timer queue.</summary>
internal sealed record Board(
    AddressSpace Ports,
    AddressSpace Mmio,
    Uart16550 Com1,
    ConsoleTail Tail,
    ConsoleTap Tap,
    InterruptControllers? Interrupts,
    AcpiPm1Block? Pm1,
    IReadOnlyList<IDisposable> Timed) : IDisposable
{
    /// <summary>A vCPU's local APIC, where it is the machine's.</summary>
    internal LocalApic? ApicOf(int vcpu) => (Interrupts as LocalControllers)?.ApicOf(vcpu);

    public void Dispose()
    {
        foreach (var device in Timed)
        {
            device.Dispose();
        }

        Interrupts?.Dispose();
    }
}
