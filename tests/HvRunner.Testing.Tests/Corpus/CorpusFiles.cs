using System.Runtime.CompilerServices;

namespace HvRunner.Testing.Tests;

/// <summary>Where the recorded and written consoles are.</summary>
internal static class CorpusFiles
{
    internal static string Folder { get; } = OfThisFile();

    private static string OfThisFile([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
