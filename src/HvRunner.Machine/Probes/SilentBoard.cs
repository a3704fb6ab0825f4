using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Chipset.Serial;

namespace HvRunner.Machine.Probes;

/// <summary>What a probe's machine is wired to where its guest uses nothing: a console that nobody reads, and timers that never fire.</summary>
internal sealed class SilentBoard : ISerialOutput, ITimerQueue
{
    public long NowNs => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    public void Write(ReadOnlySpan<byte> data)
    {
    }

    public IDeadlineTimer CreateTimer(Action<long> expired) => new SilentTimer();

    private sealed class SilentTimer : IDeadlineTimer
    {
        public void Arm(long deadlineNs)
        {
        }

        public void Disarm()
        {
        }

        public void Dispose()
        {
        }
    }
}
