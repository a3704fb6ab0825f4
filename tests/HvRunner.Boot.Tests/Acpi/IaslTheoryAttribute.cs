using System.Diagnostics;

namespace HvRunner.Boot.Tests.Acpi;

/// <summary>A test that needs ACPI's own compiler, of Debian's package acpica-tools.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class IaslTheoryAttribute : TheoryAttribute
{
    public IaslTheoryAttribute() => Skip = Iasl.IsThere ? null : "needs iasl: apt-get install acpica-tools";
}

/// <summary>The compiler.</summary>
internal static class Iasl
{
    private const string Program = "iasl";

    public static bool IsThere { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, Program)));

    /// <summary>Runs it in a folder and gives all that it says.</summary>
    public static string Run(string folder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"iasl {string.Join(' ', arguments)}: status {process.ExitCode}\n{text}");
        return text;
    }
}
