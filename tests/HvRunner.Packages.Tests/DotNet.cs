using System.Diagnostics;
using System.Text;

namespace HvRunner.Packages.Tests;

/// <summary>Runs programs of the repository and the SDK. Nothing that outlives them is started: no build server, no compiler server.</summary>
internal static class DotNet
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    // What the SDK tells its own children, of whom this test is one, would mislead another SDK.
    private static readonly string[] Inherited = ["MSBUILD", "VSTEST", "DOTNET_CLI_TELEMETRY_SESSIONID"];

    /// <summary>The repository's top directory.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Runs one of the SDK's commands that build something, to its success.</summary>
    internal static string Build(string command, string folder, params string[] arguments) =>
        Run("dotnet", folder, [command, "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false", .. arguments]);

    /// <summary>Runs a program to its success; all that it has said.</summary>
    internal static string Run(string program, string folder, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => Inherited.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var said = new StringBuilder();
        void Hear(object sender, DataReceivedEventArgs line)
        {
            lock (said)
            {
                said.AppendLine(line.Data);
            }
        }

        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += Hear;
        process.ErrorDataReceived += Hear;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        lock (said)
        {
            Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with status {process.ExitCode}:\n{said}");
            return said.ToString();
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "HvRunner.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("no HvRunner.sln above the tests");
    }
}
