namespace HvRunner.Abstractions;

/// <summary>
/// Guest time: a monotonic clock in nanoseconds and one-shot timers on it. One thread serves all timers of a queue; its lateness
/// is the host's (timerfd on Linux, virtual time in tests). Never a BCL timer, whose resolution is milliseconds.
/// </summary>
public interface ITimerQueue
{
    /// <summary>Now, in nanoseconds since an arbitrary start; never goes back. Any thread.</summary>
    long NowNs { get; }

    /// <summary>A timer is armed, or its callback under way; true as well where nobody can tell. Any thread.</summary>
    bool MayFire => true;

    /// <summary>
    /// Makes a timer, disarmed. <paramref name="expired"/> is called on the queue's thread with no lock of the queue held, and is given
    /// the deadline that passed; it may arm the timer again. A call that was already under way when another thread disarms or re-arms
    /// may still arrive, so a device judges by its own state under its own lock.
    /// </summary>
    IDeadlineTimer CreateTimer(Action<long> expired);
}

/// <summary>One deadline of an <see cref="ITimerQueue"/>. Members may be called from any thread, allocate nothing, never wait for the callback.</summary>
public interface IDeadlineTimer : IDisposable
{
    /// <summary>Sets the deadline in absolute nanoseconds of <see cref="ITimerQueue.NowNs"/>, replacing an earlier one; one that has passed fires at once.</summary>
    void Arm(long deadlineNs);

    /// <summary>Takes the deadline back; harmless when there is none.</summary>
    void Disarm();
}
