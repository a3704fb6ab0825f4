namespace HvRunner.Architecture.Tests;

public class LayerTests
{
    [Fact]
    public void References_FollowTheTable() =>
        Violations.None(Layers.Violations(Repository.Projects.Where(project => project.Path.StartsWith("src/", StringComparison.Ordinal))));

    [Fact]
    public void Table_IsTheReadmes() => Assert.Equal(Layers.Table, Layers.ReadTable(Repository.Read("src/README.md").Text));

    [Fact]
    public void Rule_FindsAReferenceUpwards()
    {
        var bad = ProjectFile.Parse(new TextFile(
            "src/HvRunner.Boot/HvRunner.Boot.csproj",
            """<Project><ItemGroup><ProjectReference Include="..\HvRunner.Machine\HvRunner.Machine.csproj" /></ItemGroup></Project>"""));
        Assert.Single(Layers.Violations([bad]));
    }

    [Fact]
    public void Rule_FindsAReferenceSideways()
    {
        var bad = new ProjectFile("src/HvRunner.Instructions/HvRunner.Instructions.csproj", ["HvRunner.Chipset"], [], false);
        Assert.Single(Layers.Violations([bad]));
    }

    [Fact]
    public void Rule_FindsATestFrameworkInTheNativeBinary()
    {
        var bad = new ProjectFile("src/HvRunner.Cli/HvRunner.Cli.csproj", ["HvRunner.Testing.Xunit"], [], false);
        Assert.Single(Layers.Violations([bad]));
        Assert.Empty(Layers.Violations([bad with { References = ["HvRunner.Testing", "HvRunner.Launch"] }]));
    }

    [Fact]
    public void Rule_FindsAProjectWithoutARow() =>
        Assert.Single(Layers.Violations([new ProjectFile("src/HvRunner.New/HvRunner.New.csproj", [], [], false)]));

    [Fact]
    public void Rule_FindsAReadmeThatDiffers()
    {
        var readme = "| project | holds | may refer to |\n| --- | --- | --- |\n| `HvRunner.Boot` | kernels | Abstractions, Kvm |\n";
        Assert.Equal([("HvRunner.Boot", "Abstractions, Kvm")], Layers.ReadTable(readme));
    }
}
