namespace HvRunner.Architecture.Tests;

/// <summary>What every project file keeps.</summary>
public static class ProjectRules
{
    /// <summary>Native memory is for backends and the host, and for the translator of Instructions, where handlers are function pointers: see <see cref="SourceRules.UnsafeIn"/>.</summary>
    private static readonly string[] MayBeUnsafe = ["HvRunner.Host", "HvRunner.Kvm", "HvRunner.Instructions"];

    public static IEnumerable<string> Unsafe(IEnumerable<ProjectFile> projects) =>
        from project in projects
        where project.AllowsUnsafe && project.Path.StartsWith("src/", StringComparison.Ordinal) && !MayBeUnsafe.Contains(project.Name)
        select $"{project.Path} allows unsafe code, which only backends, the host and the translator may";

    // Each is a stranger's project: its versions stand in itself, it takes packages that the solution only makes, and nobody locks them there.
    private static IEnumerable<ProjectFile> Own(IEnumerable<ProjectFile> projects) => projects.Where(project => !IsExample(project));

    private static bool IsExample(ProjectFile project) => project.Path.StartsWith("tests/examples/", StringComparison.Ordinal);

    public static IEnumerable<string> Versions(IEnumerable<ProjectFile> projects) =>
        from project in Own(projects)
        from package in project.Packages
        where package.Version is not null
        select $"{project.Path} gives {package.Name} a version; versions stand in src/Directory.Packages.props alone";

    /// <summary>What readers copy is what is tested here.</summary>
    /// <param name="projects">All projects.</param>
    /// <param name="central">Text of src/Directory.Packages.props.</param>
    /// <param name="shared">Text of src/Directory.Build.props, which has the version of the packages that are made here.</param>
    public static IEnumerable<string> ExampleVersions(IEnumerable<ProjectFile> projects, string central, string shared) =>
        from project in projects
        where IsExample(project)
        from package in project.Packages
        where package.Name.StartsWith("HvRunner.", StringComparison.Ordinal)
            ? !shared.Contains($"<Version>{package.Version}</Version>", StringComparison.Ordinal)
            : !central.Contains($"<PackageVersion Include=\"{package.Name}\" Version=\"{package.Version}\" />", StringComparison.Ordinal)
        select $"{project.Path} takes {package.Name} {package.Version}, which is not the version that the repository has";

    public static IEnumerable<string> LockFiles(IEnumerable<ProjectFile> projects, IReadOnlyCollection<string> paths) =>
        from project in Own(projects)
        where !paths.Contains(project.Folder + "/packages.lock.json")
        select $"{project.Folder} has no packages.lock.json";

    public static IEnumerable<string> InSolution(IEnumerable<ProjectFile> projects, string solution)
    {
        var listed = solution.Replace('\\', '/');
        return Own(projects).Where(project => !listed.Contains($"\"{project.Path}\"", StringComparison.Ordinal)).Select(project => $"{project.Path} is not in HvRunner.sln");
    }

    public static IEnumerable<string> Readmes(IEnumerable<ProjectFile> projects, IReadOnlyCollection<string> paths) =>
        from project in projects
        where project.Path.StartsWith("src/", StringComparison.Ordinal) && !paths.Contains(project.Folder + "/README.md")
        select $"{project.Folder} has no README.md";

    /// <summary>So that the native binary never carries a test framework, by whatever way.</summary>
    public static IEnumerable<string> TestFrameworks(IEnumerable<ProjectFile> projects) =>
        from project in projects
        where project.Path.StartsWith("src/", StringComparison.Ordinal) && project.Name != "HvRunner.Testing.Xunit"
        from package in project.Packages
        where package.Name.StartsWith("xunit", StringComparison.OrdinalIgnoreCase) || package.Name.Contains(".Test.", StringComparison.Ordinal)
        select $"{project.Path} references {package.Name}; only HvRunner.Testing.Xunit refers to a test framework";

    public static IEnumerable<string> AbstractionsPackages(IEnumerable<ProjectFile> projects) =>
        from project in projects
        where project.Name == "HvRunner.Abstractions"
        from package in project.Packages
        where !package.Name.Contains("Analyzers", StringComparison.Ordinal)
        select $"{project.Path} references {package.Name}; contracts depend on nothing";
}
