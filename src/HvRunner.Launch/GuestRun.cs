using System.Diagnostics.CodeAnalysis;
using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Probes;
using HvRunner.Machine.Reports;
using HvRunner.Soft;
using Serilog;

namespace HvRunner.Launch;

/// <summary>
/// One run from checked settings to its report: <see cref="OpenFiles"/>, <see cref="Build"/>, <see cref="Run"/>, <see cref="Close"/>, each once and in this order,
/// on one thread. Between building and closing the caller connects the console and may end the machine from any thread. What was opened is given back
/// by <see cref="Dispose"/>, which may take its time.
/// </summary>
public sealed class GuestRun : IDisposable
{
    private readonly RunSettings _settings;
    private readonly IImageSource? _carriedKernel;
    private readonly Stack<IDisposable> _opened = new();
    private PvhKernel? _kernel;
    private IImageSource? _initrd;
    private FileStream? _traceFile;
    private StreamWriter? _traceWriter;
    private OpenedHypervisor? _hypervisor;
    private IrqchipMode _irqchip;
    private volatile Machine.Machine? _machine;

    /// <summary>Prepares a run.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="report">What is known so far; it is filled in.</param>
    /// <param name="carriedKernel">A kernel that is no file, instead of <see cref="RunSettings.KernelPath"/>; the run disposes it.</param>
    public GuestRun(RunSettings settings, RunReport report, IImageSource? carriedKernel = null)
    {
        _settings = settings;
        _carriedKernel = carriedKernel;
        Report = report with { Vcpus = settings.VcpuCount, MemoryBytes = settings.MemoryBytes };
    }

    /// <summary>What is known so far.</summary>
    public RunReport Report { get; private set; }

    /// <summary>The machine, once it is built. Any thread.</summary>
    public Machine.Machine? Machine => _machine;

    /// <summary>The guest's time, where that is counted in instructions; known once the machine is built.</summary>
    public VirtualClock? VirtualClock => _hypervisor?.Virtual;

    /// <summary>Opens the files that the guest is made of and reads the kernel's headers; what is wrong with them is added to <paramref name="faults"/>.</summary>
    public void OpenFiles(Faults faults)
    {
        var kernelFile = Opened(_carriedKernel ?? (_settings.KernelPath is { } path ? faults.Try(() => new FileImageSource(path)) : null));
        _initrd = _settings.InitrdPath is null ? null : Opened(faults.Try(() => new FileImageSource(_settings.InitrdPath)));
        _kernel = kernelFile is null ? null : faults.Try(() => PvhKernel.Parse(kernelFile));
        _traceFile = _settings.TracePath is null ? null : Opened(faults.Try(() => OutputFile.Open("--trace", _settings.TracePath)));
    }

    /// <summary>
    /// Opens the hypervisor and builds the machine. Throws <see cref="InvalidInputException"/> for what the host or the machine cannot do, and
    /// <see cref="HypervisorException"/> where there is no hypervisor or it refuses.
    /// </summary>
    public Machine.Machine Build(GuestConsole console, ILogger log)
    {
        OutputFile.Empty(_traceFile);
        var kernel = _kernel ?? throw new InvalidOperationException("the run's files were not opened, or with faults");
        Report = Report with { Kernel = new KernelReport(kernel.Source.Name, kernel.Format, null, "pvh", kernel.Entry) };
        _hypervisor = OpenedHypervisor.Open(_settings.Hypervisor);
        var hypervisor = Opened(_hypervisor.Hypervisor);
        if (_settings.VcpuCount > hypervisor.MaxVcpus)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--cpus: this host's KVM allows at most {hypervisor.MaxVcpus}, found {_settings.VcpuCount}.");
        }

        _irqchip = _settings.Hypervisor.Irqchip ?? hypervisor.IrqchipModes[0];
        if (!hypervisor.IrqchipModes.Contains(_irqchip))
        {
            var offered = string.Join(", ", hypervisor.IrqchipModes.Select(OptionText.Irqchip).Prepend("auto"));
            throw new InvalidInputException(InputFaultKind.Usage, $"--irqchip: this host's KVM offers {offered}; found '{OptionText.Irqchip(_irqchip)}'.");
        }

        Report = Report with
        {
            Hypervisor = new HypervisorReport(hypervisor.Name, hypervisor.ApiVersion, null, OptionText.Irqchip(_irqchip), _hypervisor.Virtual is null ? "real" : "virtual"),
        };
        _traceWriter = _traceFile is null ? null : new StreamWriter(_traceFile, bufferSize: 1 << 16);
        log.Information("kernel {Kernel}: {Format}, PVH entry {Entry:x}", kernel.Source.Name, kernel.Format, kernel.Entry);
        var machine = Opened(MachineBuilder.Build(hypervisor, Config(kernel, console, _hypervisor, log)));

        // Disposed first: its thread reaches into the machine.
        Opened(_hypervisor);
        _machine = machine;
        return machine;
    }

    /// <summary>Runs the guest to its verdict, on this thread and the vCPUs' own.</summary>
    public RunOutcome Run()
    {
        var outcome = (_machine ?? throw new InvalidOperationException("the machine was not built")).Run();
        Report = Report with { Verdict = outcome.Verdict, Outcome = outcome };
        return outcome;
    }

    /// <summary>Stops the timers, completes the trace, and finds out what only a report tells. After whoever gives input has stopped.</summary>
    /// <param name="tell">Told when the trace's last bytes could not be written; the guest's verdict stands.</param>
    public void Close(Action<string> tell)
    {
        _hypervisor?.StopTimers();
        try
        {
            _traceWriter?.Dispose();
        }
        catch (IOException exception)
        {
            tell($"--trace: {exception.Message}");
        }

        if (_settings.ForReport && !_settings.Hypervisor.IsSoft && _hypervisor is not null)
        {
            // Found by trying.
            using var probe = CarriedGuest.Open("probe");
            Report = Report with { Hypervisor = Report.Hypervisor! with { SoftwareAssisted = HostProbe.IsSoftwareAssisted(_hypervisor.Hypervisor, probe) } };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_opened.TryPop(out var opened))
        {
            opened.Dispose();
        }
    }

    private MachineConfig Config(PvhKernel kernel, GuestConsole console, OpenedHypervisor hypervisor, ILogger log) => new()
    {
        MemoryBytes = _settings.MemoryBytes,
        VcpuCount = _settings.VcpuCount,
        Irqchip = _irqchip,
        Kernel = kernel,
        Initrd = _initrd,
        CommandLine = _settings.CommandLine,
        ExitPort = _settings.ExitPort,
        ExitMap = _settings.ExitMap,
        Timeout = _settings.Timeout,
        Acpi = _settings.Acpi,
        PanicText = _settings.PanicText,
        ConsoleOutput = console.Output,
        ConsoleInput = console.Input,
        DebugOutput = console.DebugOutput,
        ReleaseOutput = console.Release,
        Timers = hypervisor.Timers,
        Clock = hypervisor.WallClock,
        HashMemory = hypervisor.Virtual is not null && _settings.ForReport,
        Trace = _traceWriter is null ? null : new TraceLog(_traceWriter, _settings.TraceFilter),
        Log = log,
    };

    /// <summary>Remembers what is to be given back.</summary>
    [return: NotNullIfNotNull(nameof(opened))]
    private T? Opened<T>(T? opened)
        where T : class, IDisposable
    {
        if (opened is not null)
        {
            _opened.Push(opened);
        }

        return opened;
    }
}
