using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>A hypervisor with the time that its guest lives in: the one place where a run chooses.</summary>
internal sealed class OpenedHypervisor : IDisposable
{
    private OpenedHypervisor(IHypervisor hypervisor, VirtualClock? virtualClock)
    {
        Hypervisor = hypervisor;
        Virtual = virtualClock;
        Timers = virtualClock?.Timers ?? new TimerFdQueue();
    }

    internal IHypervisor Hypervisor { get; }

    /// <summary>The virtual clock, when that is the guest's time.</summary>
    internal VirtualClock? Virtual { get; }

    internal ITimerQueue Timers { get; }

    internal TimeProvider WallClock => Virtual?.WallClock ?? TimeProvider.System;

    /// <summary>Opens it. Throws <see cref="HypervisorUnavailableException"/>.</summary>
    internal static OpenedHypervisor Open(HypervisorSettings settings)
    {
        if (!settings.IsSoft)
        {
            return new OpenedHypervisor(KvmHypervisor.Open(), null);
        }

        var clock = settings.IsVirtualClock ? new VirtualClock() : null;
        return new OpenedHypervisor(new SoftHypervisor(clock), clock);
    }

    /// <summary>No timer fires afterwards. To be called before the machine is disposed: a timer's thread reaches into it.</summary>
    internal void StopTimers() => (Timers as IDisposable)?.Dispose();

    public void Dispose()
    {
        StopTimers();
        Hypervisor.Dispose();
    }
}
