namespace HvRunner.Testing.Scripts;

/// <summary>A path with every symbolic link in it followed, so that two ways to one file are known as such. Never throws: what cannot be followed stays.</summary>
internal static class RealPath
{
    // As many as Linux follows.
    private const int MaxLinks = 40;

    /// <summary>The real path of a full path.</summary>
    internal static string Of(string fullPath)
    {
        var root = Path.GetPathRoot(fullPath)!;
        var real = root;
        var ahead = new Stack<string>(fullPath[root.Length..].Split(Path.DirectorySeparatorChar).Reverse());
        var links = 0;
        while (ahead.TryPop(out var name))
        {
            if (name is "" or ".")
            {
                continue;
            }

            if (name == "..")
            {
                real = Path.GetDirectoryName(real) ?? root;
                continue;
            }

            var next = Path.Join(real, name);
            if (LinkAt(next) is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return fullPath;
            }

            if (Path.IsPathRooted(target))
            {
                real = Path.GetPathRoot(target)!;
                target = target[real.Length..];
            }

            foreach (var part in target.Split(Path.DirectorySeparatorChar).Reverse())
            {
                ahead.Push(part);
            }
        }

        return real;
    }

    private static string? LinkAt(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
