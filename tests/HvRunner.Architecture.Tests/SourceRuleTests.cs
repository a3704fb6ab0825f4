using Xunit.Abstractions;

namespace HvRunner.Architecture.Tests;

public class SourceRuleTests(ITestOutputHelper output)
{
    private static readonly string[] Independent =
        ["src/HvRunner.Boot", "src/HvRunner.Chipset", "src/HvRunner.Instructions"];

    private static IEnumerable<TextFile> Src => Repository.Sources.Where(source => source.IsUnder("src"));

    [Fact]
    public void Files_StayBelowSixHundredLines()
    {
        foreach (var longer in SourceRules.LongerThan(SourceRules.LookAgainLines, Repository.Sources))
        {
            output.WriteLine($"look again: {longer}");
        }

        Violations.None(SourceRules.LongerThan(SourceRules.MaxLines, Repository.Sources));
    }

    [Fact]
    public void Pragmas_GiveAReason() => Violations.None(SourceRules.SilentPragmas(Repository.Sources));

    [Fact]
    public void Sources_OpenWithWhatTheyAre() => Violations.None(SourceRules.WithoutOpening(Src));

    [Fact]
    public void Abstractions_DoesNoInputOrOutput() => Violations.None(SourceRules.InputOutputIn("src/HvRunner.Abstractions", Src));

    [Fact]
    public void DevicesBootAndProcessor_KnowNoHypervisor() =>
        Violations.None(SourceRules.MentionsOf("Kvm", Independent, Src.Concat(Repository.FilesOf(".csproj"))));

    [Fact]
    public void Instructions_IsUnsafeInItsTranslatorOnly()
    {
        Violations.None(SourceRules.UnsafeIn("src/HvRunner.Instructions", "src/HvRunner.Instructions/Translation", Src));
        Assert.Contains(Src, source => source.IsUnder("src/HvRunner.Instructions/Translation"));
    }

    [Fact]
    public void Skips_GiveAReason() => Violations.None(SourceRules.SilentSkips(Repository.Sources.Where(source => !source.IsUnder("tests/HvRunner.Architecture.Tests"))));

    [Fact]
    public void Rule_CountsLinesOutsideInterop()
    {
        var text = string.Concat(Enumerable.Repeat("\n", SourceRules.MaxLines + 1));
        Assert.Single(SourceRules.LongerThan(SourceRules.MaxLines, [new TextFile("src/A/A.cs", text), new TextFile("src/A/Interop/A.cs", text)]));
        Assert.Empty(SourceRules.LongerThan(SourceRules.MaxLines, [new TextFile("src/A/A.cs", text[1..])]));
    }

    [Theory]
    [InlineData("#pragma warning disable CA1051\n", 1)]
    [InlineData("#pragma warning disable CA1051 // \n", 1)]
    [InlineData("    #pragma warning disable CA1051, CA1052 //x\n", 1)]
    [InlineData("#pragma warning disable CA1051 // The hot path reads it.\n", 0)]
    [InlineData("#pragma warning restore CA1051\n", 0)]
    public void Rule_FindsPragmasWithoutAReason(string text, int expected) =>
        Assert.Equal(expected, SourceRules.SilentPragmas([new TextFile("src/A.cs", text)]).Count());

    [Theory]
    [InlineData("using System;\n\nnamespace A;\n\npublic class B;\n", 1)]
    [InlineData("namespace A;\n\n[Flags]\n/// <summary>Late.</summary>\npublic enum B { }\n", 1)]
    [InlineData("using System;\n\nnamespace A;\n\n/// <summary>What it is.</summary>\npublic class B;\n", 0)]
    [InlineData("// What it is.\nusing System;\n", 0)]
    public void Rule_FindsAFileWithoutOpening(string text, int expected) =>
        Assert.Equal(expected, SourceRules.WithoutOpening([new TextFile("src/A.cs", text)]).Count());

    [Theory]
    [InlineData("using System.IO;", 1)]
    [InlineData("var text = File.ReadAllText(name);", 1)]
    [InlineData("public unsafe struct A", 1)]
    [InlineData("// a File, read elsewhere", 0)]
    [InlineData("/// <summary>A user's File.</summary>", 0)]
    public void Rule_FindsInputAndOutput(string text, int expected) =>
        Assert.Equal(expected, SourceRules.InputOutputIn("src/A", [new TextFile("src/A/A.cs", text)]).Count());

    [Theory]
    [InlineData("src/A/A.cs", "internal sealed unsafe class A;", 1)]
    [InlineData("src/A/Other/A.cs", "unsafe { }", 1)]
    [InlineData("src/A/Here/A.cs", "internal sealed unsafe class A;", 0)]
    [InlineData("src/B/A.cs", "internal sealed unsafe class A;", 0)]
    [InlineData("src/A/A.cs", "// unsafe elsewhere\nUnsafe.Add(ref a, 1);", 0)]
    public void Rule_FindsTheUnsafeKeyword(string path, string text, int expected) =>
        Assert.Equal(expected, SourceRules.UnsafeIn("src/A", "src/A/Here", [new TextFile(path, text)]).Count());

    [Theory]
    [InlineData("using HvRunner.Kvm;", 1)]
    [InlineData("// Kvm is a hypervisor", 0)]
    public void Rule_FindsAMention(string text, int expected) =>
        Assert.Equal(expected, SourceRules.MentionsOf("Kvm", ["src/A"], [new TextFile("src/A/A.cs", text), new TextFile("src/B/A.cs", text)]).Count());

    [Theory]
    [InlineData("[Fact(Skip = \"\")]", 1)]
    [InlineData("[Fact(Skip = \"needs a terminal\")]", 0)]
    public void Rule_FindsASkipWithoutAReason(string text, int expected) =>
        Assert.Equal(expected, SourceRules.SilentSkips([new TextFile("tests/A.cs", text)]).Count());
}
