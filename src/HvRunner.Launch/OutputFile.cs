using HvRunner.Abstractions;

namespace HvRunner.Launch;

/// <summary>
/// Files that hvrun writes: a path that cannot be written is told as the user's fault before anything runs. They are opened without touching what
/// they hold, and emptied only when the whole command line has been found right.
/// </summary>
public static class OutputFile
{
    /// <summary>Opens a file for writing. Throws <see cref="InvalidInputException"/> with the option's name when it cannot be.</summary>
    public static FileStream Open(string option, string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"{option}: cannot write '{path}': {exception.Message}");
        }
    }

    /// <summary>Drops what an older run left in the file; a pipe or a device has nothing to drop.</summary>
    public static void Empty(FileStream? file)
    {
        if (file is { CanSeek: true })
        {
            try
            {
                file.SetLength(0);
            }
            catch (IOException)
            {
                // A device that can seek and has no length, such as /dev/full: writing to it tells.
            }
        }
    }

    /// <summary>Refuses an output that is another output or one of the inputs: it would destroy that file.</summary>
    /// <returns>True when <paramref name="last"/>, one of the options, has a file of its own.</returns>
    public static bool AreDistinct(IEnumerable<(string Option, string? Path)> outputs, IEnumerable<string?> inputs, string last, Faults faults)
    {
        var isDistinct = true;
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var input in inputs.OfType<string>())
        {
            taken.TryAdd(Identity(input), "an input");
        }

        foreach (var (option, path) in outputs)
        {
            if (path is not null && !path.StartsWith("/dev/", StringComparison.Ordinal) && !taken.TryAdd(Identity(path), option))
            {
                isDistinct &= option != last;
                faults.Usage($"{option}: expected a file of its own, but '{path}' is also {(taken[Identity(path)] is "an input" ? "an input" : $"that of {taken[Identity(path)]}")}.");
            }
        }

        return isDistinct;
    }

    private static string Identity(string path)
    {
        try
        {
            return Path.GetFullPath(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return path;
        }
    }
}
