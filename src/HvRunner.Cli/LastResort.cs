using System.Diagnostics;
using HvRunner.Host;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary>
/// The promise that a run ends within a second of its time limit or of an interruption, whatever its threads wait for: a file on a dead network
/// mount, a pipe that nobody reads, a named pipe that nobody opens. A thread of its own waits for that moment; when the run has not ended by itself, it
/// gives the terminal back, tells the verdict, and ends the process. Nothing is started until there is a moment to wait for.
/// </summary>
/// <param name="verdict">The verdict as it stands; asked when the moment has come.</param>
/// <param name="restore">Gives the terminal back.</param>
internal sealed class LastResort(Func<Verdict> verdict, Action restore)
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(950);

    private readonly object _gate = new();
    private long _deadline = long.MaxValue;
    private bool _ended;
    private Thread? _thread;

    /// <summary>The run has to end now: it has a second for it. Any thread.</summary>
    internal void EndSoon() => EndAfter(TimeSpan.Zero);

    /// <summary>The run has to end when this time has passed, and has a second for it then. Any thread; the earliest moment counts.</summary>
    internal void EndAfter(TimeSpan limit)
    {
        var deadline = Stopwatch.GetTimestamp() + (long)((limit + Grace).TotalSeconds * Stopwatch.Frequency);
        lock (_gate)
        {
            _deadline = Math.Min(_deadline, deadline);
            if (_thread is null)
            {
                _thread = new Thread(Wait, 256 * 1024) { IsBackground = true, Name = "last-resort" };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The verdict is told: whatever takes its time now, nobody waits for it.</summary>
    internal void Ended()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Wait()
    {
        lock (_gate)
        {
            while (!_ended)
            {
                var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _deadline);
                if (left <= TimeSpan.Zero)
                {
                    break;
                }

                Monitor.Wait(_gate, left < TimeSpan.FromHours(1) ? left + TimeSpan.FromMilliseconds(1) : TimeSpan.FromHours(1));
            }

            if (_ended)
            {
                return;
            }
        }

        restore();
        var decided = verdict();
        StandardError.WriteNow(Ending.LineOf(decided));
        StandardStreams.EndProcess(decided.Status);
    }
}
