using HvRunner.Testing.Matching;

namespace HvRunner.Testing.Tests.Matching;

/// <summary>How patterns are written, and which are refused.</summary>
public class ConsolePatternTests
{
    [Theory]
    [InlineData("Linux version", "\"Linux version\"")]
    [InlineData("/", "\"/\"")]
    [InlineData("/dev/sda", "\"/dev/sda\"")]
    [InlineData("# ", "\"# \"")]
    [InlineData("a\r\n\t\"b\\", "\"a\\n\\t\\\"b\\\\\"")]
    [InlineData("/dev/", "/dev/")]
    [InlineData("/Booting .* on KVM/", "/Booting .* on KVM/")]
    [InlineData("/a/b/", "/a/b/")]
    [InlineData(@"/\$ /", @"/\$ /")]
    public void Pattern_IsToldAsAScriptHasIt(string text, string told) => Assert.Equal(told, ConsolePattern.Parse(text).ToString());

    [Fact]
    public void LiteralBetweenSlashes_IsToldAsText() => Assert.Equal("{ text: \"/dev/\" }", ConsolePattern.Literal("/dev/").ToString());

    [Theory]
    [InlineData("")]
    [InlineData("\r")]
    [InlineData("//")]
    [InlineData("/a*/")]
    [InlineData("/a*|b/")]
    [InlineData("/()/")]
    [InlineData("/^/")]
    [InlineData("/$/")]
    [InlineData("/^$/")]
    [InlineData(@"/\b/")]
    [InlineData(@"/\B/")]
    [InlineData(@"/a|\b/")]
    [InlineData(@"/x|^\B/")]
    [InlineData(@"/x|\b$/")]
    [InlineData("/(?i)a?/")]
    public void PatternOfNothing_IsRefused(string text) =>
        Assert.Contains("empty", Assert.Throws<FormatException>(() => ConsolePattern.Parse(text)).Message);

    [Theory]
    [InlineData("(?=a)b")]
    [InlineData("(?!a)b")]
    [InlineData("(?<=a)b")]
    [InlineData("(?<!a)b")]
    [InlineData(@"(a)\1")]
    [InlineData(@"(?<x>a)\k<x>")]
    [InlineData("(?>a)b")]
    [InlineData("(a)?(?(1)b|c)")]
    public void WhatNeedsBacktracking_IsRefused(string text)
    {
        var message = Assert.Throws<FormatException>(() => ConsolePattern.Regex(text)).Message;
        Assert.StartsWith($"/{text}/ has what cannot be searched for as a console grows, ", message);
    }

    [Theory]
    [InlineData(@"\Aab", @"\A")]
    [InlineData(@"ab\Z", @"\Z")]
    [InlineData(@"a|b\z", @"\z")]
    public void EndOfAllText_IsRefused(string text, string named) =>
        Assert.Equal(
            $"the pattern has {named}, but a console has no beginning and no end; write ^ and $ for a line's",
            Assert.Throws<FormatException>(() => ConsolePattern.Regex(text)).Message);

    [Theory]
    [InlineData(@"\Gab")]
    [InlineData("(?x) a b")]
    [InlineData("(?ix:ab)")]
    [InlineData("(?-m)^ab")]
    [InlineData("(?i-ms:^ab)")]
    [InlineData("ab(")]
    [InlineData("[a")]
    [InlineData("*")]
    [InlineData(@"a\")]
    public void WhatMeansNothingOnAConsole_IsRefused(string text) =>
        Assert.NotEmpty(Assert.Throws<FormatException>(() => ConsolePattern.Regex(text)).Message);

    [Theory]
    [InlineData(@"a\\A")]
    [InlineData(@"\[G")]
    [InlineData("(?:ab)")]
    [InlineData("(?im)ab")]
    [InlineData("(?i-s:ab)")]
    [InlineData("(?<mix>ab)")]
    [InlineData("(?'x'ab)")]
    [InlineData("(?#x comment)ab")]
    public void WhatOnlyLooksRefused_IsTaken(string text) => Assert.Equal($"/{text}/", ConsolePattern.Regex(text).ToString());

    [Theory]
    [InlineData("a\u001b[1m", "U+001B")]
    [InlineData("\0", "U+0000")]
    [InlineData("a\u0085", "U+0085")]
    public void LiteralThatNoConsoleHas_IsRefused(string text, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => ConsolePattern.Literal(text)).Message);

    [Fact]
    public void PatternLongerThanAMatch_IsRefused()
    {
        _ = ConsolePattern.Literal(new string('x', ConsolePattern.MaxMatchChars));
        _ = Assert.Throws<FormatException>(() => ConsolePattern.Literal(new string('x', ConsolePattern.MaxMatchChars + 1)));
        _ = Assert.Throws<FormatException>(() => ConsolePattern.Regex(new string('x', ConsolePattern.MaxMatchChars + 1)));
    }

    [Fact]
    public void DeepExpression_EndsWithASentenceAtMost()
    {
        var text = new string('(', 2_000) + "a" + new string(')', 2_000);
        Assert.True(Record.Exception(() => ConsolePattern.Regex(text)) is null or FormatException);
    }

    [Theory]
    [InlineData(@"a\r\nb", @"a\nb", false, false)]
    [InlineData(@"a\\r\nb", @"a\\r\nb", false, false)]
    [InlineData("a\r\nb", "a\nb", false, false)]
    [InlineData(@"[\r\n]+x", @"[\n]+x", false, false)]
    [InlineData(@"^ok: \d+ \w\S\.\[", @"^ok: \d+ \w\S\.\[", false, true)]
    [InlineData(@"\$ ", @"\$ ", false, true)]
    [InlineData(@"\c\$x", @"\c\$x", true, false)]
    [InlineData("[$] ", "[$] ", true, true)]
    [InlineData("^ok$", "^ok$", true, true)]
    [InlineData(@"\bok", @"\bok", true, true)]
    [InlineData("(?s)a.b", "(?s)a.b", false, false)]
    [InlineData("(?s-i:a.b)", "(?s-i:a.b)", false, false)]
    [InlineData("(?i-s:a.b)", "(?i-s:a.b)", false, true)]
    [InlineData("[^a]b", "[^a]b", false, false)]
    [InlineData(@"a\sb", @"a\sb", false, false)]
    [InlineData(@"a\Db", @"a\Db", false, false)]
    [InlineData("a\nb", "a\nb", false, false)]
    [InlineData(@"a\p{L}", @"a\p{L}", false, false)]
    public void Syntax_IsRead(string text, string normalized, bool looksAhead, bool staysInLine) =>
        Assert.Equal(new RegexSyntax(normalized, looksAhead, staysInLine), RegexSyntax.Read(text));
}
