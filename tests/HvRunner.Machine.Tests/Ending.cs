using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

/// <summary>Hears whether, and how often, a run was told to end.</summary>
internal sealed class Ending
{
    private int _count;

    internal Ending(RunControl control) => control.Ended += () => Interlocked.Increment(ref _count);

    internal int Count => Volatile.Read(ref _count);

    internal bool HasEnded => Count != 0;
}
