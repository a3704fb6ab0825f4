using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Launch;
using HvRunner.Testing.Results;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>
/// Many cases: what they need is checked before any runs, then they run side by side. Results come in the order in which cases end; the list that
/// <see cref="Run"/> returns is in the order of the scripts.
/// </summary>
/// <param name="cases">What is to run.</param>
/// <param name="options">Knows their options.</param>
/// <param name="artifactsRoot">Where failed cases leave their folders; made when needed, and removed when nothing is left in it.</param>
/// <param name="jobs">How many run at the same time, at least 1.</param>
internal sealed class TestSuite(IReadOnlyList<ScriptCase> cases, RunOptionChecker options, string artifactsRoot, int jobs)
{
    private readonly HostAbilities _abilities = new();
    private readonly Lock _gate = new();
    private readonly List<CaseProgress> _running = [];

    /// <summary>Cases that run at this moment, the oldest first. Any thread.</summary>
    internal IReadOnlyList<CaseProgress> Running
    {
        get
        {
            lock (_gate)
            {
                return [.. _running];
            }
        }
    }

    /// <summary>
    /// Opens every kernel and initrd that a case which will run names, and adds what is wrong with them, with the place in the script. Throws the
    /// <see cref="HypervisorException"/> of a hypervisor that cases need and do not list under <c>requires</c>, where a case without it would be skipped.
    /// </summary>
    internal IReadOnlyList<ScriptFault> Check()
    {
        var faults = new List<ScriptFault>();
        var seen = new HashSet<(string Option, string Path, string Script)>();
        var needed = new HashSet<HypervisorSettings>();
        foreach (var one in cases)
        {
            var settings = options.SettingsOf(one);
            if (one.Script.Requires.Any(required => _abilities.WhyNot(required, settings.Hypervisor) is not null))
            {
                continue;
            }

            needed.Add(settings.Hypervisor with { IsVirtualClock = false });
            foreach (var option in (string[])["kernel", "initrd"])
            {
                if (one.Options.TryGetValue(option, out var value) && seen.Add((option, value.Text, one.Script.Path)))
                {
                    faults.AddRange(FaultsOf(option, value).Select(fault => new ScriptFault(one.Script.Path, value.Line, value.Column, fault.Sentence, fault.Kind)));
                }
            }
        }

        if (faults.Count == 0 && needed.Select(HostAbilities.Refusal).FirstOrDefault(refusal => refusal is not null) is { } refused)
        {
            throw refused;
        }

        return faults;
    }

    /// <summary>Runs them all, and returns when all have ended.</summary>
    /// <param name="ended">Told of each result as it comes, one at a time, on whichever thread ran the case.</param>
    /// <param name="interruption">Ends the cases that run and begins no others.</param>
    internal IReadOnlyList<CaseResult> Run(Action<CaseResult> ended, CancellationToken interruption)
    {
        var results = new CaseResult?[cases.Count];
        var next = -1;
        void Work()
        {
            for (var index = Interlocked.Increment(ref next); index < cases.Count && !interruption.IsCancellationRequested; index = Interlocked.Increment(ref next))
            {
                var result = RunOne(cases[index], interruption);
                lock (_gate)
                {
                    results[index] = result;
                    ended(result);
                }
            }
        }

        var workers = Enumerable.Range(0, Math.Min(jobs, cases.Count)).Select(number => new Thread(Work) { IsBackground = true, Name = $"case-{number}" }).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        RemoveEmptyRoot();
        return [.. results.OfType<CaseResult>()];
    }

    private CaseResult RunOne(ScriptCase one, CancellationToken interruption)
    {
        var progress = new CaseProgress(one);
        lock (_gate)
        {
            _running.Add(progress);
        }

        try
        {
            return CaseRunner.Run(one, options, _abilities, artifactsRoot, progress, interruption);
        }
        finally
        {
            lock (_gate)
            {
                _running.Remove(progress);
            }
        }
    }

    private static IReadOnlyList<InputFault> FaultsOf(string option, OptionValue value)
    {
        try
        {
            using var file = new FileImageSource(value.Text);
            if (option == "kernel")
            {
                PvhKernel.Parse(file);
            }

            return [];
        }
        catch (InvalidInputException exception)
        {
            return exception.Faults;
        }
    }

    private void RemoveEmptyRoot()
    {
        try
        {
            if (Directory.Exists(artifactsRoot) && !Directory.EnumerateFileSystemEntries(artifactsRoot).Any())
            {
                Directory.Delete(artifactsRoot);
            }
        }
        catch (IOException)
        {
            // Another run has just begun to use it.
        }
    }
}
