namespace HvRunner.Architecture.Tests;

public class TreeRuleTests
{
    [Fact]
    public void TopLevel_IsTheEightEntries() => Violations.None(TreeRules.TopLevelViolations(Repository.Paths));

    [Fact]
    public void Guests_HaveReadmes() => Violations.None(TreeRules.GuestReadmes(Repository.Paths.ToHashSet(), path => Repository.Read(path).Text));

    [Fact]
    public void Paths_SayWhatTheyHold() => Violations.None(TreeRules.PathNames(Repository.Paths));

    [Fact]
    public void Types_SayWhatTheyAre() => Violations.None(TreeRules.DeclaredNames(Repository.Sources));

    [Fact]
    public void Rule_FindsAStrayFileAndAMissingFolder()
    {
        string[] paths = ["src/a", "tests/a", "guests/a", "HvRunner.sln", "global.json", "README.md", "LICENSE", ".gitignore", "Directory.Build.props"];
        Assert.Equal(["Directory.Build.props does not belong at the top level", "native is missing at the top level"], TreeRules.TopLevelViolations(paths));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# guest\nit ends\n")]
    public void Rule_FindsAGuestWithTooShortAReadme(string text) =>
        Assert.Single(TreeRules.GuestReadmes(["guests/a/Makefile", "guests/a/README.md"], _ => text));

    [Fact]
    public void Rule_FindsAGuestWithoutAReadme() => Assert.Single(TreeRules.GuestReadmes(["guests/a/build", "guests/b/one.h"], _ => string.Empty));

    [Theory]
    [InlineData("src/HvRunner.Core/A.cs")]
    [InlineData("src/HvRunner.Machine/Utils/A.cs")]
    [InlineData("tests/HvRunner.Kvm.Tests/GuestHelper.cs")]
    [InlineData("native/common.h")]
    public void Rule_FindsAPathThatSaysNothing(string path) => Assert.Single(TreeRules.PathNames([path]));

    [Theory]
    [InlineData("namespace HvRunner.Common;")]
    [InlineData("public sealed class DeviceManager")]
    [InlineData("internal readonly record struct BitHelper(int X);")]
    [InlineData("public delegate int CoreCall(int x);")]
    public void Rule_FindsATypeThatSaysNothing(string text) => Assert.Single(TreeRules.DeclaredNames([new TextFile("src/A.cs", text)]));

    [Theory]
    [InlineData("// class Helper is what it is not")]
    [InlineData("var text = \"class Helper\";")]
    [InlineData("class Encore; enum Scores; record Commonplace;")]
    public void Rule_PassesWordsThatOnlyLookLikeIt(string text) => Assert.Empty(TreeRules.DeclaredNames([new TextFile("src/A.cs", text)]));
}
