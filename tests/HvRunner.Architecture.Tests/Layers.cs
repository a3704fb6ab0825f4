using System.Text.RegularExpressions;

namespace HvRunner.Architecture.Tests;

/// <summary>Which project may refer to which: the table of src/README.md as data. A new project enters here and there in one change.</summary>
public static partial class Layers
{
    public const string Everything = "all of the above";

    // Before what the native binary must not carry: a test framework.
    public const string But = " but ";

    /// <summary>In the README's order: every project refers only to projects above it.</summary>
    public static IReadOnlyList<(string Project, string MayReferTo)> Table { get; } =
    [
        ("HvRunner.Abstractions", "nothing"),
        ("HvRunner.Boot", "Abstractions"),
        ("HvRunner.Chipset", "Abstractions"),
        ("HvRunner.Instructions", "Abstractions"),
        ("HvRunner.Host", "Abstractions"),
        ("HvRunner.Kvm", "Abstractions, Host, Instructions"),
        ("HvRunner.Soft", "Abstractions, Host, Instructions"),
        ("HvRunner.Machine", "Abstractions, Boot, Chipset, Instructions"),
        ("HvRunner.Launch", Everything),
        ("HvRunner.Testing", Everything),
        ("HvRunner.Testing.Xunit", Everything),
        ("HvRunner.Cli", Everything + But + "Testing.Xunit"),
    ];

    /// <summary>The rows of the README's table: project and what it may refer to.</summary>
    public static IReadOnlyList<(string Project, string MayReferTo)> ReadTable(string readme) =>
        [.. Row().Matches(readme).Select(row => (row.Groups["project"].Value, row.Groups["refers"].Value.Trim()))];

    /// <summary>References that the table does not allow, and projects that it does not name.</summary>
    public static IEnumerable<string> Violations(IEnumerable<ProjectFile> projects)
    {
        foreach (var project in projects)
        {
            if (Table.All(row => row.Project != project.Name))
            {
                yield return $"{project.Path} has no row in the layer table";
                continue;
            }

            var allowed = AllowedFor(project.Name);
            foreach (var reference in project.References.Where(reference => !allowed.Contains(reference)))
            {
                yield return $"{project.Path} refers to {reference}, which the layer table does not allow";
            }
        }
    }

    private static HashSet<string> AllowedFor(string project)
    {
        var above = Table.TakeWhile(row => row.Project != project).Select(row => row.Project);
        var named = Table.First(row => row.Project == project).MayReferTo;
        bool IsNamed(string names, string project) => names.Split(", ").Contains(project["HvRunner.".Length..]);
        return named.StartsWith(Everything, StringComparison.Ordinal)
            ? [.. above.Where(name => !IsNamed(named[Everything.Length..].Replace(But, string.Empty, StringComparison.Ordinal), name))]
            : [.. above.Where(name => IsNamed(named, name))];
    }

    [GeneratedRegex(@"^\| `(?<project>HvRunner\.[\w.]+)` \|.*\|(?<refers>[^|]*)\|\s*$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
