namespace HvRunner.Architecture.Tests;

/// <summary>What stands where in the repository.</summary>
public static class TreeRules
{
    private const int GuestReadmeLines = 5;

    private static readonly string[] TopLevel = ["src", "native", "tests", "guests", "HvRunner.sln", "global.json", "README.md", "LICENSE"];

    private static readonly string[] Nameless = ["core", "common", "util", "utils", "utility", "utilities", "helper", "helpers", "manager", "managers"];

    public static IEnumerable<string> TopLevelViolations(IEnumerable<string> paths)
    {
        var found = paths.Select(path => path.Split('/')[0]).Where(name => name[0] != '.').ToHashSet();
        return found.Except(TopLevel).Select(name => $"{name} does not belong at the top level")
            .Concat(TopLevel.Except(found).Select(name => $"{name} is missing at the top level"));
    }

    /// <summary>A guest is a folder of guests/ that builds something: it has a Makefile or a build script. What guests share is none.</summary>
    public static IEnumerable<string> GuestReadmes(IReadOnlyCollection<string> paths, Func<string, string> read)
    {
        var guests = paths.Where(path => path.StartsWith("guests/", StringComparison.Ordinal) && path.Split('/') is [_, _, "Makefile" or "build"])
            .Select(path => path.Split('/')[1]).Distinct();
        foreach (var guest in guests)
        {
            var readme = $"guests/{guest}/README.md";
            if (!paths.Contains(readme))
            {
                yield return $"guests/{guest} has no README.md";
            }
            else if (read(readme).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length is var lines && lines < GuestReadmeLines - 1)
            {
                yield return $"{readme} has {lines} lines; say in about five what the guest does and how it ends";
            }
        }
    }

    /// <summary>Names that say nothing, in the path of anything that is compiled.</summary>
    public static IEnumerable<string> PathNames(IEnumerable<string> paths) =>
        from path in paths
        where path.StartsWith("src/", StringComparison.Ordinal) || path.StartsWith("tests/", StringComparison.Ordinal) || path.StartsWith("native/", StringComparison.Ordinal)
        where SaysNothing(path)
        select $"{path} carries a name that says nothing";

    /// <summary>Names that say nothing, of types and namespaces.</summary>
    public static IEnumerable<string> DeclaredNames(IEnumerable<TextFile> sources) =>
        from source in sources
        from name in CodeText.DeclaredNames(source.Text)
        where SaysNothing(name)
        select $"{source.Path} declares {name}, a name that says nothing";

    private static bool SaysNothing(string name) => CodeText.WordsOf(name).Any(word => Nameless.Contains(word.ToLowerInvariant()));
}
