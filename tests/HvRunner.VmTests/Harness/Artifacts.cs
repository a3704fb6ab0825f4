using System.Diagnostics;

namespace HvRunner.VmTests.Harness;

/// <summary>
/// What the tests run: the native hvrun, the guests, a Linux kernel and its initramfs. <c>tests/run</c> names them in the environment; without it
/// they are built here, once.
/// </summary>
internal static class Artifacts
{
    private static readonly Lazy<string> HvrunPath = new(() => Named("HVRUN") ?? LastLineOf("src/hvrun", "--build"));
    private static readonly Lazy<string> GuestsPath = new(() => Named("HVRUN_GUESTS") ?? BuildGuests());
    private static readonly Lazy<string> LinuxPath = new(() => Named("HVRUN_LINUX") ?? LastLineOf("guests/linux/build"));
    private static readonly Lazy<string> InitramfsPath = new(() => Named("HVRUN_INITRAMFS") ?? LastLineOf("guests/initramfs/build"));

    /// <summary>The repository's top directory.</summary>
    internal static string Root { get; } = FindRoot();

    internal static string Hvrun => HvrunPath.Value;

    internal static string Linux => LinuxPath.Value;

    internal static string Initramfs => InitramfsPath.Value;

    internal static string Guest(string name) => Path.Combine(GuestsPath.Value, $"{name}.elf");

    /// <summary>Adds a line to what the tests measured; for people, nothing reads it.</summary>
    internal static void Measured(string line)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Root, "artifacts")).FullName;
        File.AppendAllText(Path.Combine(directory, "vm-measures.txt"), line + "\n");
    }

    private static string? Named(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    private static string BuildGuests()
    {
        var output = Path.Combine(Root, "artifacts", "guests");
        LastLineOf("guests/build", "--out", output);
        return output;
    }

    /// <summary>Runs one of the repository's own build scripts, whose last line names what it built.</summary>
    private static string LastLineOf(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Root, script), arguments) { RedirectStandardOutput = true, WorkingDirectory = Root };
        using var process = new Process { StartInfo = start };
        process.Start();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(20)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{script} did not end");
        }

        Assert.True(process.ExitCode == 0, $"{script} ended with status {process.ExitCode}");
        return output.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault(string.Empty);
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "HvRunner.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException("no HvRunner.sln above the tests");
    }
}
