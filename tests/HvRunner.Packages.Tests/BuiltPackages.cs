using System.IO.Compression;
using System.Xml.Linq;

namespace HvRunner.Packages.Tests;

/// <summary>The packages, packed once for all tests into a folder that goes with them.</summary>
public sealed class BuiltPackages : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvrun-packages-");

    public BuiltPackages()
    {
        try
        {
            // The second was built with the first.
            DotNet.Build("pack", DotNet.Root, "src/HvRunner.Testing.Xunit", "-c", "Release", "-o", Source);
            DotNet.Build("pack", DotNet.Root, "src/HvRunner.Testing", "-c", "Release", "-o", Source, "--no-build");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Holds the packages and nothing else.</summary>
    public string Source => Path.Combine(_folder.FullName, "packages");

    /// <summary>A folder for whatever else a test needs.</summary>
    public string Folder(string name) => _folder.CreateSubdirectory(name).FullName;

    /// <summary>The files in a package.</summary>
    public IReadOnlyList<string> FilesOf(string package)
    {
        using var zip = ZipFile.OpenRead(PathOf(package));
        return [.. zip.Entries.Select(entry => entry.FullName)];
    }

    /// <summary>What a package depends on, for each framework, in the order of names.</summary>
    public IReadOnlyDictionary<string, string[]> DependenciesOf(string package)
    {
        using var zip = ZipFile.OpenRead(PathOf(package));
        using var nuspec = zip.GetEntry($"{package}.nuspec")!.Open();
        return XDocument.Load(nuspec).Descendants().Where(element => element.Name.LocalName == "group").ToDictionary(
            group => (string)group.Attribute("targetFramework")!,
            group => group.Elements().Select(dependency => (string)dependency.Attribute("id")!).Order(StringComparer.Ordinal).ToArray());
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string package) => Assert.Single(Directory.GetFiles(Source, $"{package}.*.nupkg"), path => char.IsAsciiDigit(Path.GetFileName(path)[package.Length + 1]));
}
