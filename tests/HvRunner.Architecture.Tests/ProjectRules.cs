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

    public static IEnumerable<string> Versions(IEnumerable<ProjectFile> projects) =>
        from project in projects
        from package in project.Packages
        where package.Version is not null
        select $"{project.Path} gives {package.Name} a version; versions stand in src/Directory.Packages.props alone";

    public static IEnumerable<string> LockFiles(IEnumerable<ProjectFile> projects, IReadOnlyCollection<string> paths) =>
        from project in projects
        where !paths.Contains(project.Folder + "/packages.lock.json")
        select $"{project.Folder} has no packages.lock.json";

    public static IEnumerable<string> InSolution(IEnumerable<ProjectFile> projects, string solution)
    {
        var listed = solution.Replace('\\', '/');
        return projects.Where(project => !listed.Contains($"\"{project.Path}\"", StringComparison.Ordinal)).Select(project => $"{project.Path} is not in HvRunner.sln");
    }

    public static IEnumerable<string> Readmes(IEnumerable<ProjectFile> projects, IReadOnlyCollection<string> paths) =>
        from project in projects
        where project.Path.StartsWith("src/", StringComparison.Ordinal) && !paths.Contains(project.Folder + "/README.md")
        select $"{project.Folder} has no README.md";

    public static IEnumerable<string> AbstractionsPackages(IEnumerable<ProjectFile> projects) =>
        from project in projects
        where project.Name == "HvRunner.Abstractions"
        from package in project.Packages
        where !package.Name.Contains("Analyzers", StringComparison.Ordinal)
        select $"{project.Path} references {package.Name}; contracts depend on nothing";
}
