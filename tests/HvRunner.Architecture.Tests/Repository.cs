using System.Diagnostics;
using System.Xml.Linq;

namespace HvRunner.Architecture.Tests;

/// <summary>One text file of the repository. Rules are functions over such files, so that each can be shown a bad one.</summary>
/// <param name="Path">Relative to the top level, with forward slashes.</param>
/// <param name="Text">All of it.</param>
public sealed record TextFile(string Path, string Text)
{
    public string Name => System.IO.Path.GetFileName(Path);

    public bool IsInterop => Path.Contains("/Interop/", StringComparison.Ordinal);

    public bool IsUnder(string folder) => Path.StartsWith(folder + "/", StringComparison.Ordinal);
}

/// <summary>What git tracks, and what it would track: files that are new and not ignored count as well, so that a rule speaks before the commit.</summary>
public static class Repository
{
    private static readonly Lazy<IReadOnlyList<string>> Tracked = new(ListFiles);

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<string> Paths => Tracked.Value;

    public static IEnumerable<TextFile> FilesOf(string extension) =>
        Paths.Where(path => path.EndsWith(extension, StringComparison.Ordinal)).Select(Read);

    public static IEnumerable<TextFile> Sources => FilesOf(".cs");

    public static IEnumerable<ProjectFile> Projects => FilesOf(".csproj").Select(ProjectFile.Parse);

    public static TextFile Read(string path) => new(path, File.ReadAllText(Path.Combine(Root, path)));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "HvRunner.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("these tests run from within the repository; no HvRunner.sln lies above them");
    }

    private static string[] ListFiles()
    {
        var start = new ProcessStartInfo("git") { WorkingDirectory = Root, RedirectStandardOutput = true };
        foreach (var word in "-c safe.directory=* ls-files --cached --others --exclude-standard".Split(' '))
        {
            start.ArgumentList.Add(word);
        }

        using var git = Process.Start(start) ?? throw new InvalidOperationException("git did not start");
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.True(git.ExitCode == 0, "git ls-files failed; the rules are checked on what git tracks");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(path => File.Exists(Path.Combine(Root, path))).Distinct().Order(StringComparer.Ordinal)];
    }
}

/// <summary>What the rules ask of a project file.</summary>
/// <param name="Path">Relative to the top level.</param>
/// <param name="References">Names of the projects that it refers to.</param>
/// <param name="Packages">Names of its packages, and the version where one is written there.</param>
/// <param name="AllowsUnsafe">It switches AllowUnsafeBlocks on.</param>
public sealed record ProjectFile(
    string Path, IReadOnlyList<string> References, IReadOnlyList<(string Name, string? Version)> Packages, bool AllowsUnsafe)
{
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    public string Folder => System.IO.Path.GetDirectoryName(Path)!;

    public static ProjectFile Parse(TextFile file)
    {
        var root = XDocument.Parse(file.Text).Root!;
        return new ProjectFile(
            file.Path,
            [.. root.Descendants("ProjectReference").Select(item => System.IO.Path.GetFileNameWithoutExtension(((string)item.Attribute("Include")!).Replace('\\', '/')))],
            [.. root.Descendants("PackageReference").Select(item => (
                (string?)item.Attribute("Include") ?? (string?)item.Attribute("Update") ?? string.Empty,
                (string?)item.Attribute("Version") ?? (string?)item.Attribute("VersionOverride") ?? (string?)item.Element("Version")))],
            root.Descendants("AllowUnsafeBlocks").Any(item => bool.TryParse(item.Value.Trim(), out var on) && on));
    }
}
