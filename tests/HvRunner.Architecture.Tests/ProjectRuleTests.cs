namespace HvRunner.Architecture.Tests;

public class ProjectRuleTests
{
    private static readonly ProjectFile Bad = ProjectFile.Parse(new TextFile(
        "src/HvRunner.Abstractions/HvRunner.Abstractions.csproj",
        """
        <Project>
          <PropertyGroup><AllowUnsafeBlocks>true</AllowUnsafeBlocks></PropertyGroup>
          <ItemGroup><PackageReference Include="Serilog" Version="3.1.1" /></ItemGroup>
        </Project>
        """));

    [Fact]
    public void UnsafeBlocks_OnlyInBackendsHostAndInstructions() => Violations.None(ProjectRules.Unsafe(Repository.Projects));

    [Fact]
    public void UnsafeBlocks_AreOffByDefault() =>
        Assert.Contains("<AllowUnsafeBlocks>false</AllowUnsafeBlocks>", Repository.Read("src/Directory.Build.props").Text, StringComparison.Ordinal);

    [Fact]
    public void PackageReferences_CarryNoVersion() => Violations.None(ProjectRules.Versions(Repository.Projects));

    [Fact]
    public void Examples_TakeTheRepositorysVersions()
    {
        var (central, shared) = (Repository.Read("src/Directory.Packages.props").Text, Repository.Read("src/Directory.Build.props").Text);
        Violations.None(ProjectRules.ExampleVersions(Repository.Projects, central, shared));
        var old = new ProjectFile("tests/examples/x/x.csproj", [], [("HvRunner.Testing", "0.0.1"), ("xunit", "2.0.0"), ("Nameless", "1.0.0")], false);
        Assert.Equal(3, ProjectRules.ExampleVersions([old], central, shared).Count());
        Assert.Empty(ProjectRules.Versions([old]).Concat(ProjectRules.LockFiles([old], [])).Concat(ProjectRules.InSolution([old], "")));
    }

    [Fact]
    public void Projects_HaveLockFiles() => Violations.None(ProjectRules.LockFiles(Repository.Projects, Repository.Paths.ToHashSet()));

    [Fact]
    public void Projects_AreInTheSolution() => Violations.None(ProjectRules.InSolution(Repository.Projects, Repository.Read("HvRunner.sln").Text));

    [Fact]
    public void SourceProjects_HaveReadmes() => Violations.None(ProjectRules.Readmes(Repository.Projects, Repository.Paths.ToHashSet()));

    [Fact]
    public void TestFrameworks_AreOnlyInTestingXunit()
    {
        Violations.None(ProjectRules.TestFrameworks(Repository.Projects));
        Assert.Single(ProjectRules.TestFrameworks([Bad with { Packages = [("xunit.extensibility.core", null)] }]));
    }

    [Fact]
    public void Abstractions_ReferencesOnlyAnalyzers()
    {
        Violations.None(ProjectRules.AbstractionsPackages(Repository.Projects));
        var shared = ProjectFile.Parse(Repository.Read("src/Directory.Build.props"));
        Assert.Empty(ProjectRules.AbstractionsPackages([shared with { Path = Bad.Path }]));
    }

    [Fact]
    public void Rules_FindABadProject()
    {
        Assert.Single(ProjectRules.Unsafe([Bad]));
        Assert.Single(ProjectRules.Versions([Bad]));
        Assert.Single(ProjectRules.LockFiles([Bad], [Bad.Path]));
        Assert.Single(ProjectRules.InSolution([Bad], "Project() = \"X\", \"src\\X\\X.csproj\""));
        Assert.Single(ProjectRules.Readmes([Bad], [Bad.Path]));
        Assert.Single(ProjectRules.AbstractionsPackages([Bad]));
    }

    [Fact]
    public void Rules_PassAGoodProject()
    {
        var paths = new[] { Bad.Path, "src/HvRunner.Abstractions/packages.lock.json", "src/HvRunner.Abstractions/README.md" };
        var good = Bad with { AllowsUnsafe = false, Packages = [("Microsoft.CodeAnalysis.BannedApiAnalyzers", null)] };
        Assert.Empty(ProjectRules.Unsafe([good]));
        Assert.Empty(ProjectRules.Versions([good]));
        Assert.Empty(ProjectRules.LockFiles([good], paths));
        Assert.Empty(ProjectRules.InSolution([good], "\"src\\HvRunner.Abstractions\\HvRunner.Abstractions.csproj\""));
        Assert.Empty(ProjectRules.Readmes([good], paths));
        Assert.Empty(ProjectRules.AbstractionsPackages([good]));
    }
}
