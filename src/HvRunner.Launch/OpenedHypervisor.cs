using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm;
using HvRunner.Soft;

namespace HvRunner.Launch;

/// <summary>A hypervisor with the time that its guest lives in: the one place where a run chooses.</summary>
public sealed class OpenedHypervisor : IDisposable
{
    private OpenedHypervisor(IHypervisor hypervisor, VirtualClock? virtualClock)
    {
        Hypervisor = hypervisor;
        Virtual = virtualClock;
        Timers = virtualClock?.Timers ?? new TimerFdQueue();
    }

    /// <summary>The hypervisor.</summary>
    public IHypervisor Hypervisor { get; }

    /// <summary>The virtual clock, when that is the guest's time.</summary>
    public VirtualClock? Virtual { get; }

    /// <summary>The machine's timer queue.</summary>
    public ITimerQueue Timers { get; }

    /// <summary>The machine's wall clock.</summary>
    public TimeProvider WallClock => Virtual?.WallClock ?? TimeProvider.System;

    /// <summary>Opens it. Throws <see cref="HypervisorUnavailableException"/>.</summary>
    public static OpenedHypervisor Open(HypervisorSettings settings)
    {
        if (!settings.IsSoft)
        {
            return new OpenedHypervisor(KvmHypervisor.Open(), null);
        }

        var clock = settings.IsVirtualClock ? new VirtualClock() : null;
        return new OpenedHypervisor(new SoftHypervisor(clock), clock);
    }

    /// <summary>No timer fires afterwards. To be called before the machine is disposed: a timer's thread reaches into it.</summary>
    public void StopTimers() => (Timers as IDisposable)?.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        StopTimers();
        Hypervisor.Dispose();
    }
}
