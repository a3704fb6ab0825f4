using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Probes;

/// <summary>
/// Finds out what a hypervisor is like by running a small guest on it (guests/probe), because neither its name nor its capabilities tell. Bounded in
/// time whatever the host does; a probe that fails is a sentence in the result, not an exception.
/// </summary>
public static class HostProbe
{
    /// <summary>
    /// Ring 0 slower than this is run by software. Interpreters inside a hypervisor stay below some 10 million instructions a second; a processor
    /// that executes the loop, even at a second level of virtualization, makes more than 500 million.
    /// </summary>
    public const long SoftwareBelowPerSecond = 50_000_000;

    private const string SpeedOnly = "only=speed";

    // One of its questions is about a processor that another one starts.
    private const int WholeProbeVcpus = 2;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.5);

    // A run's report waits for this one, after an interrupt too.
    private static readonly TimeSpan SpeedLimit = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs the whole probe: some 60 ms where software runs ring 0, less elsewhere, 100 more where its second processor does not start, 2 s at most.</summary>
    public static HostProbeResult Run(IHypervisor hypervisor, IImageSource probeGuest)
    {
        // The questions about interrupts are meant for the hypervisor's own APIC.
        var inKernel = hypervisor.IrqchipModes.Contains(IrqchipMode.Kernel);
        return inKernel
            ? Run(hypervisor, probeGuest, IrqchipMode.Kernel, string.Empty, Math.Min(WholeProbeVcpus, hypervisor.MaxVcpus), Limit)
            : Run(hypervisor, probeGuest, hypervisor.IrqchipModes[0], SpeedOnly, vcpus: 1, Limit);
    }

    /// <summary>Runs the part that tells whether ring 0 is run by software; null when it could not be told. Some 20 ms where it is, 300 at most.</summary>
    public static bool? IsSoftwareAssisted(IHypervisor hypervisor, IImageSource probeGuest) =>
        Run(hypervisor, probeGuest, hypervisor.IrqchipModes[0], SpeedOnly, vcpus: 1, SpeedLimit).SoftwareAssisted;

    private static HostProbeResult Run(IHypervisor hypervisor, IImageSource probeGuest, IrqchipMode irqchip, string commandLine, int vcpus, TimeSpan limit)
    {
        var silent = new SilentBoard();
        var recorder = new ProbeRecorder();
        try
        {
            using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
            {
                MemoryBytes = MachineLayout.MinMemoryBytes,
                VcpuCount = vcpus,
                Irqchip = irqchip,
                Kernel = PvhKernel.Parse(probeGuest),
                CommandLine = commandLine,
                ConsoleOutput = silent,
                ConsoleInput = new NoSerialInput(),
                DebugOutput = recorder,
                Timers = silent,
                Timeout = limit,
            });
            var outcome = machine.Run();
            var result = ProbeReading.Read(recorder.Lines(), outcome.Vcpus.Sum(counts => counts.CompletedInstruction));
            return outcome.Verdict.Kind == VerdictKind.PowerOff ? result : result with { Failure = FailureOf(outcome.Verdict) };
        }
        catch (HypervisorException exception)
        {
            return new HostProbeResult { Failure = exception.Message, Refused = true };
        }
        catch (InvalidInputException exception)
        {
            // A malformed guest is bad input; what is left is a host without the memory that was asked for.
            return new HostProbeResult { Failure = exception.Message, Refused = exception.Faults.All(fault => fault.Kind == InputFaultKind.Usage) };
        }
    }

    private static string FailureOf(Verdict verdict) =>
        verdict.Sentence is null ? $"the probe guest ended with the verdict {verdict.Name}" : $"the probe guest ended with the verdict {verdict.Name}: {verdict.Sentence}";
}
