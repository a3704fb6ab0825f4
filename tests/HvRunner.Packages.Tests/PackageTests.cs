namespace HvRunner.Packages.Tests;

/// <summary>The NuGet packages as a stranger gets them: what is in them, what they depend on, and the example project on them.</summary>
public class PackageTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private static readonly string[] Frameworks = ["net10.0", "net9.0"];

    [Fact]
    public void Testing_HoldsAllThatItIsBuiltOn()
    {
        var own = Directory.GetDirectories(Path.Combine(DotNet.Root, "src"), "HvRunner.*").Select(folder => Path.GetFileName(folder)!)
            .Except(["HvRunner.Cli", "HvRunner.Testing.Xunit"]);
        var expected = from framework in Frameworks from name in own from extension in (string[])["dll", "xml"] select $"lib/{framework}/{name}.{extension}";
        Assert.Equal(expected.Order(StringComparer.Ordinal), LibraryOf("HvRunner.Testing"));
    }

    [Fact]
    public void TestingXunit_HoldsItselfAlone() => Assert.Equal(
        from framework in Frameworks from extension in (string[])["dll", "xml"] select $"lib/{framework}/HvRunner.Testing.Xunit.{extension}",
        LibraryOf("HvRunner.Testing.Xunit"));

    [Theory]
    [InlineData("HvRunner.Testing", "Iced", "Serilog", "YamlDotNet")]
    [InlineData("HvRunner.Testing.Xunit", "HvRunner.Testing", "xunit.extensibility.core")]
    public void Dependencies_AreThoseThatAreNeeded(string package, params string[] dependencies)
    {
        var found = packages.DependenciesOf(package);
        Assert.Equal(Frameworks.Length, found.Count);
        Assert.All(found.Values, names => Assert.Equal(dependencies, names));
    }

    [Theory]
    [InlineData("HvRunner.Testing")]
    [InlineData("HvRunner.Testing.Xunit")]
    public void Packages_CarryReadmeAndLicence(string package)
    {
        var files = packages.FilesOf(package);
        Assert.Contains("README.md", files);
        Assert.Contains("LICENSE", files);
    }

    /// <summary>Restores from the ordinary sources and the packages' folder. They go into a cache of the test's own, lest an older build of the same version is taken.</summary>
    [Fact]
    public void Example_PassesOnThePackages()
    {
        var example = packages.Folder("example");
        foreach (var file in Directory.GetFiles(Path.Combine(DotNet.Root, "tests", "examples", "xunit")))
        {
            File.Copy(file, Path.Combine(example, Path.GetFileName(file)));
        }

        var cache = packages.Folder("cache");
        var ordinary = DotNet.Run("dotnet", example, ["nuget", "locals", "global-packages", "--list"]).Split(':', 2)[1].Trim();
        DotNet.Build("build", example, "-c", "Release", $"-p:RestoreAdditionalProjectSources={packages.Source}", $"-p:RestorePackagesPath={cache}", $"-p:RestoreFallbackFolders={ordinary}");
        foreach (var package in (string[])["hvrunner.testing", "hvrunner.testing.xunit"])
        {
            var metadata = Assert.Single(Directory.GetFiles(Path.Combine(cache, package), ".nupkg.metadata", SearchOption.AllDirectories));
            Assert.Contains(packages.Source, File.ReadAllText(metadata), StringComparison.Ordinal);
        }

        var said = DotNet.Run("dotnet", example, ["test", "-c", "Release", "--no-build", "--nologo"], ("HVRUN_KERNEL", Kernel()));
        Assert.Matches(@"Passed!\s+- Failed:\s+0, Passed:\s+1,", said);
    }

    private string Kernel()
    {
        if (Environment.GetEnvironmentVariable("HVRUN_GUESTS") is { Length: > 0 } built)
        {
            return Path.Combine(built, "echo.elf");
        }

        var folder = packages.Folder("guests");
        DotNet.Run(Path.Combine(DotNet.Root, "guests", "build"), DotNet.Root, ["echo", "--out", folder]);
        return Path.Combine(folder, "echo.elf");
    }

    private IEnumerable<string> LibraryOf(string package) => packages.FilesOf(package).Where(file => file.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
