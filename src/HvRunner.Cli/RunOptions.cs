using System.CommandLine;
using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>The options of <c>run</c> as the user gave them, declared once and read into <see cref="RunSettings"/> with every fault found.</summary>
internal sealed class RunOptions
{
    internal const string DefaultCommandLine = "console=ttyS0";

    internal Argument<string> Kernel { get; } = new("KERNEL") { Description = "The kernel: an ELF file with a PVH entry note (for Linux: vmlinux)." };

    private readonly Option<string?> _initrd = Text("--initrd", "FILE", "Initial RAM disk (PVH: first module).");
    private readonly Option<string?> _cmdline = Text("--cmdline", "TEXT", $"Kernel command line; default \"{DefaultCommandLine}\". Words behind -- are appended.");
    private readonly Option<string?> _memory = Text("--memory", "SIZE", "Guest RAM, with K, M or G; default 512M.");
    private readonly Option<string?> _cpus = Text("--cpus", "N", "Number of vCPUs; default 1.");
    private readonly Option<string?> _boot = Text("--boot", "PROTOCOL", "Boot protocol: auto or pvh; default auto. 'hvrun inspect' lists what a file offers.");
    private readonly HypervisorOptions _hypervisor = new();
    private readonly Option<string?> _console = Text("--console", "WHERE", "The first serial port: stdio, file:PATH or none; default stdio.");
    private readonly Option<string?> _debugConsole = Text("--debug-console", "WHERE", "Port 0xe9: stderr (each line behind 'guest: '), file:PATH or none; default stderr.");
    private readonly Option<string?> _timeout = Text("--timeout", "DURATION", "End with the verdict timeout after this time (ms, s, m), counted from the first guest entry.");
    private readonly Option<string?> _exitPort = Text("--exit-port", "PORT", "Port on which the guest reports its status; default 0xf4, none turns it off.");
    private readonly Option<string?> _exitMap = Text("--exit-map", "MAP", "raw: value v is status v; qemu: status 2v+1; default raw.");
    private readonly Option<string?> _report = Text("--report", "FILE", "Write one JSON document about the run, also when it fails.");
    private readonly Option<string?> _panicText = Text("--panic-text", "on|off", "Take a Linux kernel's panic from its console; default on.");
    private readonly Option<string?> _trace = Text("--trace", "FILE", "Write what crosses the guest's border, one line each.");
    private readonly Option<string?> _traceFilter = Text("--trace-filter", "LIST", $"Kinds ({string.Join(", ", TraceFilter.KindNames)}) and device names, separated by commas.");
    private readonly Option<string?> _log = Text("--log", "FILE", "hvrun's own log.");
    private readonly Option<bool> _verbose = new("-v", "--verbose") { Description = "Show hvrun's own log on standard error too." };

    private IEnumerable<Option> All =>
    [
        _initrd, _cmdline, _memory, _cpus, _boot, .. _hypervisor.All, _console, _debugConsole, _timeout, _exitPort, _exitMap, _report,
        _panicText, _trace, _traceFilter, _log, _verbose,
    ];

    internal void AddTo(Command command)
    {
        command.Arguments.Add(Kernel);
        foreach (var option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Reads everything; what is wrong is added to <paramref name="faults"/> and its default taken.</summary>
    internal RunSettings Read(ParseResult result, IReadOnlyList<string> words, Faults faults)
    {
        string? Given(Option<string?> option) => ValueOf(result, option);
        var memory = Parse<ulong>(Given(_memory), 512UL << 20, OptionText.TrySize, "--memory", "a size such as 512M or 2G", faults);
        if (memory < MachineLayout.MinMemoryBytes || memory % 4096 != 0 || memory > 1UL << 40)
        {
            faults.Usage($"--memory: expected a multiple of 4K from {OptionText.Size(MachineLayout.MinMemoryBytes)} to 1 TiB, found {OptionText.Size(memory)}.");
        }

        var cpus = Parse<int>(Given(_cpus), 1, int.TryParse, "--cpus", "a number from 1 on", faults);
        if (cpus < 1)
        {
            faults.Usage($"--cpus: expected a number from 1 on, found {cpus}.");
        }

        Choice(Given(_boot), "auto", "--boot", ["auto", "pvh"], faults);
        var hypervisor = _hypervisor.Read(result, faults);
        if (hypervisor.IsSoft && cpus > SoftHypervisor.VcpuLimit)
        {
            faults.Usage($"--cpus: the soft processor allows at most {SoftHypervisor.VcpuLimit}, found {cpus}.");
        }

        var console = Given(_console) ?? "stdio";
        CheckTarget(console, "stdio", "--console", faults);
        var debugConsole = Given(_debugConsole) ?? "stderr";
        CheckTarget(debugConsole, "stderr", "--debug-console", faults);
        ushort? exitPort = MachineLayout.ExitPort;
        if (Given(_exitPort) is { } port)
        {
            exitPort = port == "none" ? null : Parse<ushort>(port, MachineLayout.ExitPort, OptionText.TryPort, "--exit-port", "a port number such as 0xf4, or none", faults);
        }

        CheckExitPort(exitPort, faults);
        return new RunSettings
        {
            KernelPath = ReadKernel(result, faults),
            InitrdPath = Given(_initrd),
            CommandLine = string.Join(' ', words.Prepend(Given(_cmdline) ?? DefaultCommandLine).Where(word => word.Length != 0)),
            MemoryBytes = memory,
            VcpuCount = cpus,
            Hypervisor = hypervisor,
            Console = console,
            DebugConsole = debugConsole,
            Timeout = Given(_timeout) is { } timeout
                ? Parse<TimeSpan>(timeout, default, OptionText.TryDuration, "--timeout", "a duration such as 500ms, 30s or 2m", faults)
                : null,
            ExitPort = exitPort,
            ExitMap = Choice(Given(_exitMap), "raw", "--exit-map", ["raw", "qemu"], faults) == "qemu" ? ExitMap.Qemu : ExitMap.Raw,
            ReportPath = Given(_report),
            PanicText = Choice(Given(_panicText), "on", "--panic-text", ["on", "off"], faults) == "on",
            TracePath = Given(_trace),
            TraceFilter = ReadFilter(Given(_traceFilter), Given(_trace), faults),
            LogPath = Given(_log),
            Verbose = result.GetValue(_verbose),
        };
    }

    private static void CheckExitPort(ushort? first, Faults faults)
    {
        if (first is not { } port)
        {
            return;
        }

        var end = port + MachineLayout.ExitPortBytes;
        if (end > ushort.MaxValue + 1)
        {
            faults.Usage($"--exit-port: expected a port up to 0x{ushort.MaxValue + 1 - MachineLayout.ExitPortBytes:x}, found 0x{port:x}.");
        }

        foreach (var (device, start, count) in MachineLayout.FixedPorts)
        {
            if (port < start + count && start < end)
            {
                faults.Usage($"--exit-port: expected {MachineLayout.ExitPortBytes} ports of no other device, but 0x{port:x} to 0x{end - 1:x} overlap '{device}' at 0x{start:x}.");
            }
        }
    }

    /// <summary>What was given, or null where nothing was or the parser has already found fault with it.</summary>
    internal static string? ValueOf(ParseResult result, Option<string?> option) =>
        result.GetResult(option) is { } found && !found.Errors.Any() ? found.GetValueOrDefault<string?>() : null;

    /// <summary>An option that nobody knows looks like the kernel to the parser.</summary>
    private string? ReadKernel(ParseResult result, Faults faults)
    {
        var kernel = result.GetResult(Kernel) is { Errors: var errors } found && !errors.Any() ? found.GetValueOrDefault<string>() : null;
        if (kernel is null || !kernel.StartsWith('-'))
        {
            return kernel;
        }

        faults.Usage($"{kernel}: there is no such option; for a file of this name write ./{kernel}.");
        return null;
    }

    private static TraceFilter ReadFilter(string? text, string? tracePath, Faults faults)
    {
        if (text is null)
        {
            return TraceFilter.Everything;
        }

        if (tracePath is null)
        {
            faults.Usage("--trace-filter: expected together with --trace FILE, found alone.");
        }

        var filter = TraceFilter.Parse(text);
        foreach (var device in filter.Devices.Where(device => !MachineBuilder.DeviceNames.Contains(device)))
        {
            faults.Usage($"--trace-filter: '{device}' is neither a kind ({string.Join(", ", TraceFilter.KindNames)}) nor a device ({string.Join(", ", MachineBuilder.DeviceNames)}).");
        }

        return filter;
    }

    private delegate bool TryParse<T>(string text, out T value);

    private static T Parse<T>(string? text, T otherwise, TryParse<T> parse, string option, string expected, Faults faults)
    {
        if (text is null)
        {
            return otherwise;
        }

        if (parse(text, out var value))
        {
            return value;
        }

        faults.Usage($"{option}: expected {expected}, found '{text}'.");
        return otherwise;
    }

    internal static string Choice(string? text, string otherwise, string option, string[] choices, Faults faults)
    {
        if (text is null || choices.Contains(text))
        {
            return text ?? otherwise;
        }

        faults.Usage($"{option}: this hvrun offers {string.Join(", ", choices)}; found '{text}'.");
        return otherwise;
    }

    private static void CheckTarget(string text, string stream, string option, Faults faults)
    {
        if (text != stream && text != "none" && !(text.StartsWith("file:", StringComparison.Ordinal) && text.Length > 5))
        {
            faults.Usage($"{option}: expected {stream}, file:PATH or none, found '{text}'.");
        }
    }

    internal static Option<string?> Text(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description, Arity = ArgumentArity.ExactlyOne };
}

/// <summary>A run as it was asked for: checked values, files not opened yet.</summary>
internal sealed record RunSettings
{
    /// <summary>Null only beside a fault that says so.</summary>
    internal required string? KernelPath { get; init; }

    internal string? InitrdPath { get; init; }

    internal string CommandLine { get; init; } = RunOptions.DefaultCommandLine;

    internal ulong MemoryBytes { get; init; } = 512UL << 20;

    internal int VcpuCount { get; init; } = 1;

    internal HypervisorSettings Hypervisor { get; init; } = HypervisorSettings.Kvm;

    internal string Console { get; init; } = "stdio";

    internal string DebugConsole { get; init; } = "stderr";

    internal TimeSpan? Timeout { get; init; }

    internal ushort? ExitPort { get; init; } = MachineLayout.ExitPort;

    internal ExitMap ExitMap { get; init; }

    internal string? ReportPath { get; init; }

    internal bool PanicText { get; init; } = true;

    internal string? TracePath { get; init; }

    internal TraceFilter TraceFilter { get; init; } = TraceFilter.Everything;

    internal string? LogPath { get; init; }

    internal bool Verbose { get; init; }

    /// <summary>An output must not be an input or another output. False when the report is, which then must not be written.</summary>
    internal bool HaveDistinctFiles(Faults faults) => OutputFile.AreDistinct(
        [
            ("--console", PathOf(Console)), ("--debug-console", PathOf(DebugConsole)), ("--trace", TracePath), ("--log", LogPath), ("--report", ReportPath),
        ],
        [KernelPath, InitrdPath],
        "--report",
        faults);

    private static string? PathOf(string target) => target.StartsWith("file:", StringComparison.Ordinal) ? target[5..] : null;
}
