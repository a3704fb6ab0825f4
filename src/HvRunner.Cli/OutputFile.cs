using HvRunner.Abstractions;

namespace HvRunner.Cli;

/// <summary>Files that hvrun writes: a path that cannot be written is told as the user's fault, before anything runs.</summary>
internal static class OutputFile
{
    internal static FileStream Create(string option, string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"{option}: cannot write '{path}': {exception.Message}");
        }
    }
}
