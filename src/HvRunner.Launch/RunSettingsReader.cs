using HvRunner.Abstractions;
using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;
using HvRunner.Soft;

namespace HvRunner.Launch;

/// <summary>
/// Reads a run's settings from text, option by option (interface.md, "Commands"), wherever the text comes from: a command line or a script. What is
/// wrong is told as an option's name and a sentence, all of it in one go, and that option's default is taken. One object, one reading.
/// </summary>
/// <param name="given">What was given for an option of this name, written as in <see cref="Names"/>; null for nothing.</param>
/// <param name="fault">Told of each fault: the option's name, or <see cref="HypervisorSettings.Variable"/>, and what was expected and found.</param>
public sealed class RunSettingsReader(Func<string, string?> given, Action<string, string> fault)
{
    private delegate bool TryParse<T>(string text, out T value);

    /// <summary>The options that say what a machine is made of.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "initrd", "cmdline", "memory", "cpus", "boot", "hypervisor", "irqchip", "clock", "acpi", "timeout", "exit-port", "exit-map", "panic-text", "trace", "trace-filter",
    ];

    /// <summary>Reads them all.</summary>
    /// <param name="kernel">The kernel's file, as it was given.</param>
    /// <param name="words">What is appended to the command line.</param>
    public RunSettings Read(string? kernel, IReadOnlyList<string> words)
    {
        Choice("boot", "auto", ["auto", "pvh"]);
        var hypervisor = ReadHypervisor();
        return new RunSettings
        {
            KernelPath = kernel,
            InitrdPath = given("initrd"),
            CommandLine = string.Join(' ', words.Prepend(given("cmdline") ?? RunSettings.DefaultCommandLine).Where(word => word.Length != 0)),
            MemoryBytes = ReadMemory(),
            VcpuCount = ReadCpus(hypervisor.IsSoft),
            Hypervisor = hypervisor,
            Timeout = given("timeout") is null ? null : Parse<TimeSpan>("timeout", default, OptionText.TryDuration, "a duration such as 500ms, 30s or 2m"),
            ExitPort = ReadExitPort(),
            ExitMap = Choice("exit-map", "raw", ["raw", "qemu"]) == "qemu" ? ExitMap.Qemu : ExitMap.Raw,
            Acpi = Choice("acpi", "on", ["on", "off"]) == "on",
            PanicText = Choice("panic-text", "on", ["on", "off"]) == "on",
            TracePath = given("trace"),
            TraceFilter = ReadFilter(),
        };
    }

    /// <summary>Reads what a guest runs on. What does not go together is refused here, before anything is opened.</summary>
    public HypervisorSettings ReadHypervisor()
    {
        var fromEnvironment = Environment.GetEnvironmentVariable(HypervisorSettings.Variable);
        var option = given("hypervisor") is null && !string.IsNullOrEmpty(fromEnvironment) ? HypervisorSettings.Variable : "hypervisor";
        var name = option == "hypervisor" ? given(option) : fromEnvironment;
        var isSoft = Choice(option, name, "auto", ["auto", "kvm", SoftHypervisor.ShortName]) == SoftHypervisor.ShortName;
        var irqchip = ReadIrqchip(isSoft);

        var isVirtual = Choice("clock", "real", ["real", "virtual"]) == "virtual";
        if (isVirtual && !isSoft)
        {
            fault("clock", "virtual was expected together with the hypervisor soft, found without; other hypervisors know the host's time only.");
        }

        return new HypervisorSettings(isSoft, isSoft && isVirtual, irqchip);
    }

    /// <summary>Of KVM's modes a host may lack one; that is found when it is opened.</summary>
    private IrqchipMode? ReadIrqchip(bool isSoft)
    {
        IrqchipMode[] offered = isSoft ? [IrqchipMode.User] : [IrqchipMode.Kernel, IrqchipMode.Split, IrqchipMode.User];
        if (given("irqchip") is not { } text || text == "auto")
        {
            return null;
        }

        foreach (var mode in offered)
        {
            if (OptionText.Irqchip(mode) == text)
            {
                return mode;
            }
        }

        fault("irqchip", $"{(isSoft ? "the soft processor" : "this hvrun on kvm")} offers {string.Join(", ", offered.Select(OptionText.Irqchip).Prepend("auto"))}; found '{text}'.");
        return null;
    }

    private ulong ReadMemory()
    {
        var memory = Parse<ulong>("memory", RunSettings.DefaultMemoryBytes, OptionText.TrySize, "a size such as 512M or 2G");
        if (memory < MachineLayout.MinMemoryBytes || memory % 4096 != 0 || memory > 1UL << 40)
        {
            fault("memory", $"expected a multiple of 4K from {OptionText.Size(MachineLayout.MinMemoryBytes)} to 1 TiB, found {OptionText.Size(memory)}.");
        }

        return memory;
    }

    private int ReadCpus(bool isSoft)
    {
        var cpus = Parse<int>("cpus", 1, int.TryParse, "a number from 1 on");
        if (cpus < 1)
        {
            fault("cpus", $"expected a number from 1 on, found {cpus}.");
        }
        else if (isSoft && cpus > SoftHypervisor.VcpuLimit)
        {
            fault("cpus", $"the soft processor allows at most {SoftHypervisor.VcpuLimit}, found {cpus}.");
        }

        return cpus;
    }

    private ushort? ReadExitPort()
    {
        if (given("exit-port") == "none")
        {
            return null;
        }

        var first = Parse<ushort>("exit-port", MachineLayout.ExitPort, OptionText.TryPort, "a port number such as 0xf4, or none");
        var end = first + MachineLayout.ExitPortBytes;
        if (end > ushort.MaxValue + 1)
        {
            fault("exit-port", $"expected a port up to 0x{ushort.MaxValue + 1 - MachineLayout.ExitPortBytes:x}, found 0x{first:x}.");
        }

        foreach (var (device, start, count) in MachineLayout.FixedPorts)
        {
            if (first < start + count && start < end)
            {
                fault("exit-port", $"expected {MachineLayout.ExitPortBytes} ports of no other device, but 0x{first:x} to 0x{end - 1:x} overlap '{device}' at 0x{start:x}.");
            }
        }

        return first;
    }

    private TraceFilter ReadFilter()
    {
        if (given("trace-filter") is not { } text)
        {
            return TraceFilter.Everything;
        }

        if (given("trace") is null)
        {
            fault("trace-filter", "expected together with a trace, found alone.");
        }

        var filter = TraceFilter.Parse(text);
        foreach (var device in filter.Devices.Where(device => !MachineBuilder.DeviceNames.Contains(device)))
        {
            fault("trace-filter", $"'{device}' is neither a kind ({string.Join(", ", TraceFilter.KindNames)}) nor a device ({string.Join(", ", MachineBuilder.DeviceNames)}).");
        }

        return filter;
    }

    private T Parse<T>(string option, T otherwise, TryParse<T> parse, string expected)
    {
        if (given(option) is not { } text)
        {
            return otherwise;
        }

        if (parse(text, out var value))
        {
            return value;
        }

        fault(option, $"expected {expected}, found '{text}'.");
        return otherwise;
    }

    private string Choice(string option, string otherwise, string[] choices) => Choice(option, given(option), otherwise, choices);

    private string Choice(string option, string? text, string otherwise, string[] choices)
    {
        if (text is null || choices.Contains(text))
        {
            return text ?? otherwise;
        }

        fault(option, $"this hvrun offers {string.Join(", ", choices)}; found '{text}'.");
        return otherwise;
    }
}
