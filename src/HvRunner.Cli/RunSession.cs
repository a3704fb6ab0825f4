using HvRunner.Boot;
using HvRunner.Launch;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary>
/// One run on the user's terminal and streams: opens what belongs to them, launches the guest, waits, and tells. What it opened is given
/// back by <see cref="Dispose"/>, which is for after the verdict was told: it may take its time.
/// </summary>
internal sealed class RunSession : IDisposable
{
    private readonly RunRequest _request;
    private readonly Faults _faults;
    private readonly GuestRun _run;
    private readonly LastResort _lastResort;
    private ConsoleStreams? _streams;
    private volatile string? _interruption;

    internal RunSession(RunRequest request, Faults faults, RunReport report, IImageSource? carriedKernel = null)
    {
        _request = request;
        _faults = faults;
        _run = new GuestRun(request.Settings, report, carriedKernel);
        _lastResort = new LastResort(
            () => _run.Machine?.Verdict ?? new Verdict(VerdictKind.Interrupted, _interruption), () => _streams?.RestoreTerminal());
    }

    /// <summary>What is known so far.</summary>
    internal RunReport Report => _run.Report;

    /// <summary>Where the report goes; null when none was asked for, or not to a place that can take it.</summary>
    internal string? ReportPath { get; private set; }

    /// <summary>Runs to the verdict. Throws what the caller turns into verdicts of its own: wrong input, no hypervisor, our faults.</summary>
    internal void Run()
    {
        Signals.EndWith(Interrupt);
        var streams = _streams = new ConsoleStreams(_request.Console, _request.DebugConsole, _request.Settings.Hypervisor.IsVirtualClock, _faults);
        _run.OpenFiles(_faults);
        using var reportFile = _request.ReportPath is null ? null : _faults.Try(() => OutputFile.Open("--report", _request.ReportPath));
        var log = RunLog.Create(_request, _faults);
        ReportPath = _request.HaveDistinctFiles(_faults) && reportFile is not null ? _request.ReportPath : null;
        _faults.ThrowIfAny();
        streams.EmptyFiles();
        reportFile?.Dispose();
        var machine = _run.Build(streams.Console, log);
        RunMachine(machine, streams);
        streams.StopInput();
        _run.Close(sentence => StandardError.Words.WriteLine($"hvrun: {sentence}"));
        Close("--log", log as IDisposable);
    }

    /// <summary>The verdict is told; from here on nobody waits for this process.</summary>
    internal void Ended() => _lastResort.Ended();

    /// <inheritdoc/>
    public void Dispose()
    {
        _streams?.StopInput();
        _run.Dispose();
        _streams?.Dispose();
    }

    private void RunMachine(Machine.Machine machine, ConsoleStreams streams)
    {
        if (_run.VirtualClock is { } clock)
        {
            clock.Idle = streams.IdleWith(machine);
        }

        streams.Start(machine.InputReady, Interrupt);
        if (_interruption is { } early)
        {
            machine.Interrupt(early);
        }

        if (_request.Settings.Timeout is { } limit)
        {
            _lastResort.EndAfter(limit);
        }

        _run.Run();
        streams.Finish(() => machine.MustEnd);
        if (machine.MustEnd)
        {
            StandardError.Hurry();
        }
    }

    /// <summary>When a file's last bytes cannot be written, that is told, and the guest's verdict stands.</summary>
    private static void Close(string option, IDisposable? file)
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException exception)
        {
            StandardError.Words.WriteLine($"hvrun: {option}: {exception.Message}");
        }
    }

    private void Interrupt(string sentence)
    {
        _interruption ??= sentence;
        _lastResort.EndSoon();
        StandardError.Hurry();
        _run.Machine?.Interrupt(sentence);
    }
}
