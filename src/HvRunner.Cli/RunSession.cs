using System.Diagnostics.CodeAnalysis;
using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Probes;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;
using Serilog;

namespace HvRunner.Cli;

/// <summary>
/// One run from checked options to the verdict: opens the files, builds the machine, connects the streams, waits, and tells. What it opened is given
/// back by <see cref="Dispose"/>, which is for after the verdict was told: it may take its time.
/// </summary>
internal sealed class RunSession : IDisposable
{
    private readonly RunSettings _settings;
    private readonly Faults _faults;
    private readonly IImageSource? _carriedKernel;
    private readonly Stack<IDisposable> _opened = new();
    private readonly LastResort _lastResort;
    private ConsoleStreams? _streams;
    private volatile Machine.Machine? _machine;
    private volatile string? _interruption;

    internal RunSession(RunSettings settings, Faults faults, RunReport report, IImageSource? carriedKernel = null)
    {
        _settings = settings;
        _faults = faults;
        _carriedKernel = carriedKernel;
        Report = report with { Vcpus = settings.VcpuCount, MemoryBytes = settings.MemoryBytes };
        _lastResort = new LastResort(
            () => _machine?.Verdict ?? new Verdict(VerdictKind.Interrupted, _interruption), () => _streams?.RestoreTerminal());
    }

    /// <summary>What is known so far.</summary>
    internal RunReport Report { get; private set; }

    /// <summary>Where the report goes; null when none was asked for, or not to a place that can take it.</summary>
    internal string? ReportPath { get; private set; }

    /// <summary>Runs to the verdict. Throws what the caller turns into verdicts of its own: wrong input, no hypervisor, our faults.</summary>
    internal void Run()
    {
        Signals.EndWith(Interrupt);
        var streams = _streams = Open(new ConsoleStreams(_settings.Console, _settings.DebugConsole, _settings.Hypervisor.IsVirtualClock, _faults));
        var kernelFile = Open(_carriedKernel ?? (_settings.KernelPath is { } path ? _faults.Try(() => new FileImageSource(path)) : null));
        var initrd = _settings.InitrdPath is null ? null : Open(_faults.Try(() => new FileImageSource(_settings.InitrdPath)));
        var kernel = kernelFile is null ? null : _faults.Try(() => PvhKernel.Parse(kernelFile));
        var traceFile = OpenOutput("--trace", _settings.TracePath);
        var reportFile = OpenOutput("--report", _settings.ReportPath);
        var log = RunLog.Create(_settings, _faults);
        ReportPath = _settings.HaveDistinctFiles(_faults) && reportFile is not null ? _settings.ReportPath : null;
        _faults.ThrowIfAny();
        streams.EmptyFiles();
        OutputFile.Empty(traceFile);
        reportFile?.Dispose();
        Report = Report with { Kernel = new KernelReport(kernelFile!.Name, kernel!.Format, null, "pvh", kernel.Entry) };

        var opened = OpenedHypervisor.Open(_settings.Hypervisor);
        var hypervisor = Open(opened.Hypervisor);
        if (_settings.VcpuCount > hypervisor.MaxVcpus)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--cpus: this host's KVM allows at most {hypervisor.MaxVcpus}, found {_settings.VcpuCount}.");
        }

        Report = Report with
        {
            Hypervisor = new HypervisorReport(
                hypervisor.Name, hypervisor.ApiVersion, null, _settings.Hypervisor.Irqchip.ToString().ToLowerInvariant(), opened.Virtual is null ? "real" : "virtual"),
        };
        var traceWriter = traceFile is null ? null : new StreamWriter(traceFile, bufferSize: 1 << 16);
        log.Information("kernel {Kernel}: {Format}, PVH entry {Entry:x}", kernelFile.Name, kernel.Format, kernel.Entry);
        var machine = Open(MachineBuilder.Build(hypervisor, Config(kernel, initrd, streams, opened, traceWriter, log)));

        // Disposed first: its thread reaches into the machine.
        Open(opened);
        RunMachine(machine, streams, opened);
        streams.StopInput();
        opened.StopTimers();
        Close("--trace", traceWriter);
        Close("--log", log as IDisposable);
        Report = Report with { Hypervisor = Report.Hypervisor! with { SoftwareAssisted = SoftwareAssisted(hypervisor) } };
    }

    /// <summary>The verdict is told; from here on nobody waits for this process.</summary>
    internal void Ended() => _lastResort.Ended();

    /// <inheritdoc/>
    public void Dispose()
    {
        _streams?.StopInput();
        while (_opened.TryPop(out var opened))
        {
            opened.Dispose();
        }
    }

    private void RunMachine(Machine.Machine machine, ConsoleStreams streams, OpenedHypervisor opened)
    {
        _machine = machine;
        if (opened.Virtual is { } clock)
        {
            clock.Idle = streams.IdleWith(machine);
        }

        streams.Start(machine.InputReady, Interrupt);
        if (_interruption is { } early)
        {
            machine.Interrupt(early);
        }

        if (_settings.Timeout is { } limit)
        {
            _lastResort.EndAfter(limit);
        }

        var outcome = machine.Run();
        Report = Report with { Verdict = outcome.Verdict, Outcome = outcome };
        streams.Finish(() => machine.MustEnd);
        if (machine.MustEnd)
        {
            StandardError.Hurry();
        }
    }

    private MachineConfig Config(
        PvhKernel kernel, IImageSource? initrd, ConsoleStreams streams, OpenedHypervisor opened, StreamWriter? traceWriter, ILogger log) => new()
        {
            MemoryBytes = _settings.MemoryBytes,
            VcpuCount = _settings.VcpuCount,
            Irqchip = _settings.Hypervisor.Irqchip,
            Kernel = kernel,
            Initrd = initrd,
            CommandLine = _settings.CommandLine,
            ExitPort = _settings.ExitPort,
            ExitMap = _settings.ExitMap,
            Timeout = _settings.Timeout,
            PanicText = _settings.PanicText,
            ConsoleOutput = streams.Output,
            ConsoleInput = streams.Input,
            DebugOutput = streams.DebugOutput,
            ReleaseOutput = streams.Release,
            Timers = opened.Timers,
            Clock = opened.WallClock,
            HashMemory = opened.Virtual is not null && _settings.ReportPath is not null,
            Trace = traceWriter is null ? null : new TraceLog(traceWriter, _settings.TraceFilter),
            Log = log,
        };

    /// <summary>Found by trying, and so only for a report.</summary>
    private bool? SoftwareAssisted(IHypervisor hypervisor)
    {
        if (_settings.ReportPath is null || _settings.Hypervisor.IsSoft)
        {
            return null;
        }

        using var probe = CarriedGuest.Open("probe");
        return HostProbe.IsSoftwareAssisted(hypervisor, probe);
    }

    /// <summary>Remembers what is to be given back.</summary>
    [return: NotNullIfNotNull(nameof(opened))]
    private T? Open<T>(T? opened)
        where T : class, IDisposable
    {
        if (opened is not null)
        {
            _opened.Push(opened);
        }

        return opened;
    }

    private FileStream? OpenOutput(string option, string? path) => path is null ? null : Open(_faults.Try(() => OutputFile.Open(option, path)));

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
        _machine?.Interrupt(sentence);
    }
}
