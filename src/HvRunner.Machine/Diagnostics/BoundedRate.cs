using System.Diagnostics;

namespace HvRunner.Machine.Diagnostics;

/// <summary>Lets a few events through in each second and counts the rest: what a guest can trigger at will never floods a log. Any thread.</summary>
/// <param name="perSecond">How many pass in a second.</param>
internal sealed class BoundedRate(int perSecond)
{
    private long _window;
    private int _passed;
    private long _suppressed;

    /// <summary>True when this event may be logged; <paramref name="suppressed"/> then tells how many were not since the last that was.</summary>
    internal bool TryPass(out long suppressed)
    {
        suppressed = 0;
        var now = Stopwatch.GetTimestamp() / Stopwatch.Frequency;
        if (Interlocked.Exchange(ref _window, now) != now)
        {
            Volatile.Write(ref _passed, 0);
        }

        if (Interlocked.Increment(ref _passed) > perSecond)
        {
            Interlocked.Increment(ref _suppressed);
            return false;
        }

        suppressed = Interlocked.Exchange(ref _suppressed, 0);
        return true;
    }
}
