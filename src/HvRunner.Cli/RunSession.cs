using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Host;
using HvRunner.Kvm;
using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Probes;
using HvRunner.Machine.Reports;

namespace HvRunner.Cli;

/// <summary>One run from checked options to the verdict: opens the files, builds the machine, connects the streams, waits, and tells.</summary>
internal sealed class RunSession(RunSettings settings, Faults faults, IImageSource? carriedKernel = null)
{
    private volatile Machine.Machine? _machine;
    private volatile string? _interruption;

    /// <summary>Runs to the verdict. Throws what the caller turns into verdicts of its own: wrong input, no hypervisor, our faults.</summary>
    internal RunReport Run(RunReport report)
    {
        Signals.EndWith(Interrupt);
        using var streams = new ConsoleStreams(settings.Console, settings.DebugConsole, faults);
        using var kernelFile = carriedKernel ?? (settings.KernelPath is null ? null : faults.Try(() => new FileImageSource(settings.KernelPath)));
        using var initrd = settings.InitrdPath is null ? null : faults.Try(() => new FileImageSource(settings.InitrdPath));
        var kernel = kernelFile is null ? null : faults.Try(() => PvhKernel.Parse(kernelFile));
        using var traceFile = settings.TracePath is null ? null : faults.Try(() => OutputFile.Create("--trace", settings.TracePath));
        var log = RunLog.Create(settings, faults);
        using var logEnd = new ToldOnDispose("--log", log);
        faults.ThrowIfAny();

        using var hypervisor = KvmHypervisor.Open();
        if (settings.VcpuCount > hypervisor.MaxVcpus)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--cpus: this host's KVM allows at most {hypervisor.MaxVcpus}, found {settings.VcpuCount}.");
        }

        var traceWriter = traceFile is null ? null : new StreamWriter(traceFile, bufferSize: 1 << 16);
        using var traceEnd = new ToldOnDispose("--trace", traceWriter);
        using var timers = new TimerFdQueue();
        var config = new MachineConfig
        {
            MemoryBytes = settings.MemoryBytes,
            VcpuCount = settings.VcpuCount,
            Irqchip = settings.Irqchip,
            Kernel = kernel!,
            Initrd = initrd,
            CommandLine = settings.CommandLine,
            ExitPort = settings.ExitPort,
            ExitMap = settings.ExitMap,
            Timeout = settings.Timeout,
            PanicText = settings.PanicText,
            ConsoleOutput = streams.Output,
            ConsoleInput = streams.Input,
            DebugOutput = streams.DebugOutput,
            ReleaseOutput = streams.Release,
            Timers = timers,
            Trace = traceWriter is null ? null : new TraceLog(traceWriter, settings.TraceFilter),
            Log = log,
        };
        log.Information("kernel {Kernel}: {Format}, PVH entry {Entry:x}", settings.KernelPath, kernel!.Format, kernel.Entry);
        using var machine = MachineBuilder.Build(hypervisor, config);
        _machine = machine;
        streams.Start(machine.InputReady, Interrupt);
        if (_interruption is { } early)
        {
            machine.Interrupt(early);
        }

        var outcome = machine.Run();
        streams.Finish(() => machine.MustEnd);

        // Both reach into the machine from threads of their own, so they end before it goes.
        streams.StopInput();
        timers.Dispose();
        _machine = null;
        return report with
        {
            Verdict = outcome.Verdict,
            Kernel = new KernelReport(kernelFile!.Name, kernel.Format, null, "pvh", kernel.Entry),
            Hypervisor = new HypervisorReport(hypervisor.Name, hypervisor.ApiVersion, SoftwareAssisted(hypervisor), "kernel"),
            Vcpus = settings.VcpuCount,
            MemoryBytes = settings.MemoryBytes,
            Outcome = outcome,
        };
    }

    /// <summary>Found by trying, and so only for a report.</summary>
    private bool? SoftwareAssisted(KvmHypervisor hypervisor)
    {
        if (settings.ReportPath is null)
        {
            return null;
        }

        using var probe = CarriedGuest.Open("probe");
        return HostProbe.IsSoftwareAssisted(hypervisor, probe);
    }

    private void Interrupt(string sentence)
    {
        _interruption ??= sentence;
        _machine?.Interrupt(sentence);
    }
}
