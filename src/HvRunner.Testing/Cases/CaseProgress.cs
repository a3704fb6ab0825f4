using System.Diagnostics;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>Where a running case stands, for whoever shows it. Written by the case's thread, read by any.</summary>
internal sealed class CaseProgress(ScriptCase one)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private volatile string _step = "starting";

    /// <summary>The case.</summary>
    internal ScriptCase Case => one;

    /// <summary>What it is doing, on one line.</summary>
    internal string Step => _step;

    /// <summary>Since it began.</summary>
    internal TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    internal void Enter(Step step, int number, int count) => _step = $"step {number}/{count}: {step}";

    internal void Detail(string what) => _step = what;

    internal void Leave() => _step = "waiting for the guest to end";
}
