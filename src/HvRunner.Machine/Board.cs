using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Chipset.Paravirtual;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Serial;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Interrupts;
using HvRunner.Machine.Time;

namespace HvRunner.Machine;

/// <summary>The wired devices, as far as the running machine still needs to name them, and those that hold deadlines of the timer queue.</summary>
internal sealed record Board(
    ITimerQueue Timers,
    AddressSpace Ports,
    AddressSpace Mmio,
    Uart16550 Com1,
    ConsoleTail Tail,
    ConsoleTap Tap,
    InterruptControllers? Interrupts,
    AcpiPm1Block? Pm1,
    PvClock? Clock,
    IReadOnlyList<IDisposable> Timed) : IDisposable
{
    /// <summary>A vCPU's local APIC, where it is the machine's.</summary>
    internal LocalApic? ApicOf(int vcpu) => (Interrupts as LocalControllers)?.ApicOf(vcpu);

    /// <summary>A timer is armed, or the host could make a device interrupt: by input, by the power button. Any thread.</summary>
    internal bool MayInterrupt() => Timers.MayFire || Com1.MayInterrupt || Pm1 is { MayInterrupt: true };

    /// <summary>A vCPU's clock registers, where the machine has the clock.</summary>
    internal ClockAccess? ClockOf(IVcpu vcpu) => Clock is null ? null : new ClockAccess(Clock, vcpu);

    public void Dispose()
    {
        foreach (var device in Timed)
        {
            device.Dispose();
        }

        Interrupts?.Dispose();
    }
}
