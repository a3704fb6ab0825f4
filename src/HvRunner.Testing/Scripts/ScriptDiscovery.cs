using HvRunner.Abstractions;

namespace HvRunner.Testing.Scripts;

/// <summary>
/// Finds scripts: a path is a script, or a folder that stands for every <c>*.vmtest.yaml</c> below it, in ordinal order. Skipped below a folder:
/// what is hidden, <c>bin</c>, <c>obj</c>, and folders behind symbolic links, as find does it, so that no loop is walked. A file that several
/// ways lead to counts once, under the first.
/// </summary>
internal static class ScriptDiscovery
{
    internal const string Extension = ".vmtest.yaml";

    /// <summary>The scripts that the paths stand for; a path that leads to none is a fault.</summary>
    internal static IReadOnlyList<FoundScript> Find(IEnumerable<string> paths, List<ScriptFault> faults)
    {
        var scripts = new List<FoundScript>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            var found = FindOne(path, faults);
            scripts.AddRange(found.Where(script => seen.Add(RealPath.Of(script.FullPath))));
        }

        return scripts;
    }

    private static List<FoundScript> FindOne(string path, List<ScriptFault> faults)
    {
        if (path.Length != 0 && Directory.Exists(path))
        {
            var below = Below(path, faults);
            if (below.Count == 0)
            {
                faults.Add(new ScriptFault(path, $"expected scripts (*{Extension}) below this folder, found none.", InputFaultKind.NoInput));
            }

            return below;
        }

        if (path.Length != 0 && Path.Exists(path))
        {
            return [new FoundScript(path, Path.GetFullPath(path), Path.GetFileName(path))];
        }

        faults.Add(new ScriptFault(path.Length == 0 ? "''" : path, "there is no such file or folder.", InputFaultKind.NoInput));
        return [];
    }

    private static List<FoundScript> Below(string root, List<ScriptFault> faults)
    {
        // What lies below here is named without the dot, as everybody else names it.
        var shown = Path.TrimEndingDirectorySeparator(root) == "." ? string.Empty : root;
        var found = new List<FoundScript>();
        var folders = new Stack<string>([""]);
        while (folders.TryPop(out var folder))
        {
            try
            {
                foreach (var entry in new DirectoryInfo(Path.Join(root, folder)).EnumerateFileSystemInfos())
                {
                    var relative = Path.Join(folder, entry.Name);
                    if (entry.Name.StartsWith('.'))
                    {
                        continue;
                    }

                    if (!entry.Attributes.HasFlag(FileAttributes.Directory))
                    {
                        if (entry.Name.EndsWith(Extension, StringComparison.Ordinal))
                        {
                            found.Add(new FoundScript(Path.Join(shown, relative), Path.GetFullPath(Path.Join(root, relative)), relative.Replace('\\', '/')));
                        }
                    }
                    else if (!entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && entry.Name is not ("bin" or "obj"))
                    {
                        folders.Push(relative);
                    }
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                faults.Add(new ScriptFault(Path.Join(root, folder), $"the folder cannot be read: {exception.Message.TrimEnd('.')}.", InputFaultKind.NoInput));
            }
        }

        found.Sort((one, other) => string.CompareOrdinal(one.RelativePath, other.RelativePath));
        return found;
    }
}

/// <summary>A script's file.</summary>
/// <param name="Path">As the user gave it, with what was found below it.</param>
/// <param name="FullPath">For the system.</param>
/// <param name="RelativePath">Below the folder that the user gave, with slashes.</param>
internal sealed record FoundScript(string Path, string FullPath, string RelativePath)
{
    /// <summary>What paths in the script are relative to.</summary>
    internal string Folder => System.IO.Path.GetDirectoryName(FullPath)!;

    /// <summary>The script's name where it gives none.</summary>
    internal string DefaultName
    {
        get
        {
            var name = System.IO.Path.GetFileName(FullPath);
            var bare = name.EndsWith(ScriptDiscovery.Extension, StringComparison.Ordinal) ? name[..^ScriptDiscovery.Extension.Length] : System.IO.Path.GetFileNameWithoutExtension(name);
            return MessageText.Shorten(bare.Length == 0 ? name : bare);
        }
    }
}
