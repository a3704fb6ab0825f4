using HvRunner.Launch;

namespace HvRunner.Cli;

/// <summary>A run as the command line asked for it: the guest's settings, and where everything goes. Checked values, files not opened yet.</summary>
internal sealed record RunRequest
{
    /// <summary>What is run.</summary>
    internal required RunSettings Settings { get; init; }

    internal string Console { get; init; } = "stdio";

    internal string DebugConsole { get; init; } = "stderr";

    internal string? ReportPath { get; init; }

    internal string? LogPath { get; init; }

    internal bool Verbose { get; init; }

    /// <summary>An output must not be an input or another output. False when the report is, which then must not be written.</summary>
    internal bool HaveDistinctFiles(Faults faults) => OutputFile.AreDistinct(
        [
            ("--console", PathOf(Console)), ("--debug-console", PathOf(DebugConsole)), ("--trace", Settings.TracePath), ("--log", LogPath), ("--report", ReportPath),
        ],
        [Settings.KernelPath, Settings.InitrdPath],
        "--report",
        faults);

    private static string? PathOf(string target) => target.StartsWith("file:", StringComparison.Ordinal) ? target[5..] : null;
}
