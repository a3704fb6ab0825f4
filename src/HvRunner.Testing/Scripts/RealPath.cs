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
        var ahead = new Stack<string>();
        Push(ahead, fullPath[root.Length..]);
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

            Push(ahead, target);
        }

        return real;
    }

    private static void Push(Stack<string> ahead, string path)
    {
        var parts = path.Split(Path.DirectorySeparatorChar);
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            ahead.Push(parts[i]);
        }
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
