using System.CommandLine;
using HvRunner.Launch;
using HvRunner.Machine.Diagnostics;

namespace HvRunner.Cli;

/// <summary>The options of <c>run</c> as the user gives them, declared once and read into a <see cref="RunRequest"/> with every fault found.</summary>
internal sealed class RunOptions
{
    private readonly Argument<string> _kernel = new("KERNEL") { Description = "The kernel: an ELF file with a PVH entry note (for Linux: vmlinux)." };

    private readonly Option<string?> _console = Text("--console", "WHERE", "The first serial port: stdio, file:PATH or none; default stdio.");
    private readonly Option<string?> _debugConsole = Text("--debug-console", "WHERE", "Port 0xe9: stderr (each line behind 'guest: '), file:PATH or none; default stderr.");
    private readonly Option<string?> _report = Text("--report", "FILE", "Write one JSON document about the run, also when it fails.");
    private readonly Option<string?> _log = Text("--log", "FILE", "hvrun's own log.");
    private readonly Option<bool> _verbose = new("-v", "--verbose") { Description = "Show hvrun's own log on standard error too." };
    private readonly IReadOnlyList<Option<string?>> _settings =
    [
        Text("--initrd", "FILE", "Initial RAM disk (PVH: first module)."),
        Text("--cmdline", "TEXT", $"Kernel command line; default \"{RunSettings.DefaultCommandLine}\". Words behind -- are appended."),
        Text("--memory", "SIZE", "Guest RAM, with K, M or G; default 512M."),
        Text("--cpus", "N", "Number of vCPUs; default 1."),
        Text("--boot", "PROTOCOL", "Boot protocol: auto or pvh; default auto. 'hvrun inspect' lists what a file offers."),
        .. new HypervisorOptions().All,
        Text("--acpi", "on|off", "ACPI's tables, with HPET, PM timer and power-off by ACPI; default on."),
        Text("--timeout", "DURATION", "End with the verdict timeout after this time (ms, s, m), counted from the first guest entry."),
        Text("--exit-port", "PORT", "Port on which the guest reports its status; default 0xf4, none turns it off."),
        Text("--exit-map", "MAP", "raw: value v is status v; qemu: status 2v+1; default raw."),
        Text("--panic-text", "on|off", "Take a Linux kernel's panic from its console; default on."),
        Text("--trace", "FILE", "Write what crosses the guest's border, one line each."),
        Text("--trace-filter", "LIST", $"Kinds ({string.Join(", ", TraceFilter.KindNames)}) and device names, separated by commas."),
    ];

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_kernel);
        foreach (var option in _settings.Append<Option>(_console).Concat([_debugConsole, _report, _log, _verbose]))
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Reads everything; what is wrong is added to <paramref name="faults"/> and its default taken.</summary>
    internal RunRequest Read(ParseResult result, IReadOnlyList<string> words, Faults faults)
    {
        var console = ValueOf(result, _console) ?? "stdio";
        CheckTarget(console, "stdio", "--console", faults);
        var debugConsole = ValueOf(result, _debugConsole) ?? "stderr";
        CheckTarget(debugConsole, "stderr", "--debug-console", faults);
        var settings = ReaderOf(result, _settings, faults).Read(ReadKernel(result, faults), words);
        var report = ValueOf(result, _report);
        return new RunRequest
        {
            Settings = settings with { ForReport = report is not null },
            Console = console,
            DebugConsole = debugConsole,
            ReportPath = report,
            LogPath = ValueOf(result, _log),
            Verbose = result.GetValue(_verbose),
        };
    }

    /// <summary>Reads settings from options that bear their names.</summary>
    internal static RunSettingsReader ReaderOf(ParseResult result, IReadOnlyList<Option<string?>> options, Faults faults) => new(
        name => options.FirstOrDefault(option => option.Name == $"--{name}") is { } option ? ValueOf(result, option) : null,
        (name, sentence) => faults.Usage($"{(name == HypervisorSettings.Variable ? string.Empty : "--")}{name}: {sentence}"));

    /// <summary>What was given, or null where nothing was or the parser has already found fault with it.</summary>
    internal static string? ValueOf(ParseResult result, Option<string?> option) =>
        result.GetResult(option) is { } found && !found.Errors.Any() ? found.GetValueOrDefault<string?>() : null;

    internal static Option<string?> Text(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description, Arity = ArgumentArity.ExactlyOne };

    /// <summary>An option that nobody knows looks like the kernel to the parser.</summary>
    private string? ReadKernel(ParseResult result, Faults faults)
    {
        var kernel = result.GetResult(_kernel) is { Errors: var errors } found && !errors.Any() ? found.GetValueOrDefault<string>() : null;
        if (kernel is null || !kernel.StartsWith('-'))
        {
            return kernel;
        }

        faults.Usage($"{kernel}: there is no such option; for a file of this name write ./{kernel}.");
        return null;
    }

    private static void CheckTarget(string text, string stream, string option, Faults faults)
    {
        if (text != stream && text != "none" && !(text.StartsWith("file:", StringComparison.Ordinal) && text.Length > 5))
        {
            faults.Usage($"{option}: expected {stream}, file:PATH or none, found '{text}'.");
        }
    }
}
