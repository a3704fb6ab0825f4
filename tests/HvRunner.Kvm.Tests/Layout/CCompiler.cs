using System.ComponentModel;
using System.Diagnostics;

namespace HvRunner.Kvm.Tests.Layout;

/// <summary>Asks gcc whether a file of native/ is right together with a generated header.</summary>
internal static class CCompiler
{
    /// <summary>What gcc complains about; empty when it is content.</summary>
    internal static string Check(string source, string header, IEnumerable<string> lines)
    {
        var folder = Directory.CreateTempSubdirectory("hvrun-layout-");
        try
        {
            File.WriteAllLines(Path.Combine(folder.FullName, header), lines);
            return Run(["-std=c11", "-Werror", "-fsyntax-only", "-I", folder.FullName, Path.Combine(RepositoryRoot(), "native", source)]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Run(IEnumerable<string> arguments)
    {
        try
        {
            using var gcc = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
            var complaints = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            return gcc.ExitCode == 0 ? string.Empty : complaints + $"gcc ended with status {gcc.ExitCode}";
        }
        catch (Win32Exception exception)
        {
            return $"the layout of native structures is proven with gcc, which did not start ({exception.Message}): sudo apt-get install gcc libc6-dev";
        }
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "HvRunner.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
