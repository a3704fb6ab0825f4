using System.Collections.Concurrent;
using HvRunner.Testing.Console;
using HvRunner.Testing.Matching;

namespace HvRunner.Testing.Tests.Matching;

/// <summary>What a search finds: rule by rule, at the window's edges, and against the definition on random text in random pieces.</summary>
public class PatternSearchTests
{
    private const int Max = ConsolePattern.MaxMatchChars;

    private static readonly ConcurrentDictionary<string, ConsolePattern> Parsed = [];

    // Where a group may match an anchor alone, .NET's two engines differ in what the group holds; no such pattern is among these.
    private static readonly string[] Patterns =
    [
        "a", "ab", "b\na", "aab", "\n\n", "a b", "/a/", "/ab|b\na/", "/a+b/", "/a+?b+?/", "/(a|b)+ /", "/a.*b/", "/a.*?b/", "/(?s)a.*b/",
        "/(?s:b.+a)/", "/^a/", "/^ab?b/", "/a$/", "/^ab$/", "/^a*b$/", "/b$\n/", "/^a$\n^b$/", @"/\ba/", @"/a\b/", @"/a\B/", @"/\Ba\B/", @"/\bab\b/",
        @"/a\b|a\B/", @"/ab$|b\b|b\B/", "/[ab] /", "/[^a]a/", @"/[^\n]+ b/", @"/a\s+b/", @"/a\s*$/", @"/^\s*a/", "/(a+)( |\n)(b*)a/", "/(a)|(b)\n/", "/(?i)AB/",
        "/a{2,3}b/", "/(?:ab)+a/", @"/\$ /", "/[#$] /", @"/^.*\$$/", @"/a(?:..)*\n/", "/(?:^|b)a/", "/a(?:$|b)/", @"/(?:\b| )a /", "/(?<x>a)(b)/", @"/\w \W/",
    ];

    [Theory]
    [InlineData("Linux version", "[    0.0] Linux version 6.1\n", 10, 23)]
    [InlineData("/version ([0-9]+)/", "Linux version 612\n", 6, 15)]
    [InlineData(@"/version ([0-9]+)\n/", "Linux version 612\n", 6, 18)]
    [InlineData(@"/ok\r\n/", "ok\n", 0, 3)]
    [InlineData("ok\r\n", "ok\n", 0, 3)]
    [InlineData("/^ok$/", "nok\nok\n", 4, 6)]
    [InlineData(@"/login:\s*$/", "login: \n", 0, 7)]
    [InlineData("/^b/", "ab\nb", 3, 4)]
    public void Pattern_IsFoundWhereItEndsFirst(string pattern, string text, long start, long end)
    {
        var match = Assert.IsType<ConsoleMatch>(Find([pattern], text, 0, text.Length));
        Assert.Equal((start, end), (match.Start, match.End));
        Assert.Equal(text[(int)start..(int)end], match.Text);
    }

    [Theory]
    [InlineData("/^ok$/", "ok")]
    [InlineData("/login:$/", "login:")]
    [InlineData("/login:$/", "login: ")]
    [InlineData(@"/ok\b/", "ok")]
    [InlineData(@"/ok\b/", "oks")]
    [InlineData("/^b/", "ab")]
    [InlineData("/a.b/", "a\nb")]
    [InlineData("OK", "ok")]
    [InlineData("/ok/", "o")]
    public void Pattern_WaitsForWhatIsMissing(string pattern, string text) => Assert.Null(Find([pattern], text, 0, text.Length));

    [Fact]
    public void Groups_AreNumbered()
    {
        var match = Assert.IsType<ConsoleMatch>(Find([@"/(\w+) version ((?<major>\d+)|x)\.(y)?$/"], "the Linux version 6.\n", 0, 30));
        Assert.Equal(["Linux version 6.", "Linux", "6", "", "6"], match.Groups);
        Assert.Equal((4, 20, 21), (match.Start, match.End, match.DecidedAt));
    }

    [Fact]
    public void SamePlace_IsWonByThePatternListedFirst()
    {
        Assert.Equal(0, Find(["/b+/", "b"], "ab", 0, 2)!.PatternIndex);
        Assert.Equal(1, Find(["abc", "b", "/a?b/"], "abc", 0, 3)!.PatternIndex);
    }

    [Fact]
    public void NextSearch_SeesTheCharacterBeforeItsStart_ButMatchesNoneOfIt()
    {
        Assert.Null(Find(["/^a/"], "xa", 1, 2));
        Assert.Equal(1, Find(["/^a/"], "\na", 1, 2)!.Start);
        Assert.Equal(0, Find(["/^a/"], "a", 0, 2)!.Start);
        Assert.Null(Find(["ab", "/ab/"], "ab", 1, 2));
        Assert.Null(Find([@"/\bab/"], "xab", 1, 2));
    }

    [Theory]
    [InlineData("/(?s)b.*e/", 0)]
    [InlineData("/(?s)^b.*e/", 0)]
    [InlineData("/(?s)b.*e$/", 1)]
    [InlineData(@"/(?s)\bb.*e(?:x|\b|\B)/", 0)]
    [InlineData("/b[^e]*e/", 0)]
    [InlineData("/b.*e/", 0)]
    public void Match_OfTheWindowsLength_IsTheLongest(string pattern, int lookAhead)
    {
        foreach (var size in new[] { 1, 4095, 4096, 4097, 100_000 })
        {
            foreach (var before in size == 1 ? [""] : new[] { "", "a\n", new string('a', 5000) + "\n" })
            {
                var longest = "b" + new string('a', Max - 2 - lookAhead) + "e";
                var match = Assert.IsType<ConsoleMatch>(Find([pattern], before + longest + "\n", 0, PiecesOf(size)));
                Assert.Equal((before.Length, before.Length + longest.Length), (match.Start, match.End));
                Assert.Null(Find([pattern], $"{before}b{longest[1..^1]}ae\n", 0, PiecesOf(size)));
                var late = $"{before}b{new string('a', 200)}\nb{new string('a', Max - 100)}\nba\ne\nbe\n";
                if (pattern.Contains("(?s)"))
                {
                    Assert.Equal("ba\ne", Find([pattern], late, 0, PiecesOf(size))!.Text[^4..]);
                }
            }
        }
    }

    [Fact]
    public void TooLongMatches_OneAfterAnother_HideNoShortOne()
    {
        // The e at 4097 + 4i ends a match with nothing but the b at 4i: for the distance between them must be a multiple of 64. It is two too long.
        var block = string.Concat(Enumerable.Repeat("bxxx", 16)) + new string('x', 4097 - 64) + string.Concat(Enumerable.Repeat("exxx", 16)) + new string('x', 5000);
        var blocks = string.Concat(Enumerable.Repeat(block, 4));
        var last = "b" + new string('x', 4032) + "e";
        foreach (var size in new[] { 1000, 4096, 1_000_000 })
        {
            Assert.Null(Find(["/(?s)b(?:.{64})+e/"], blocks, 0, size));
            Assert.Equal(last, Find(["/(?s)b(?:.{64})+e/"], blocks + last + "e", 0, size)!.Text);
            Assert.NotNull(Find(["/(?s)b(?:.{64})+e/"], blocks.Remove(200, 64), 0, size));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomText_InRandomPieces_GivesWhatTheDefinitionSays(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 1500; round++)
        {
            var alphabet = new[] { "ab\n", "ab \n", "aab$# \n", "aaab\n" }[random.Next(4)];
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 60)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            var patterns = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Patterns[random.Next(Patterns.Length)]).ToArray();
            var window = random.Next(4, 12);
            var start = random.Next(Math.Min(text.Length, 8));
            var expected = new NaiveSearch(patterns, window).Find(text, start)?.ToString();
            for (var chunking = 0; chunking < 4; chunking++)
            {
                var largest = new[] { 1, 3, 20, text.Length }[chunking];
                var match = Find(patterns, text, start, () => random.Next(1, largest + 1), window);
                var found = match is null ? null : new NaiveSearch.Finding(match.PatternIndex, match.DecidedAt, match.Start, match.End, [.. match.Groups]).ToString();
                Assert.True(
                    expected == found,
                    $"seed {seed}, window {window}, start {start}, pieces up to {largest}: {string.Join(' ', patterns)} in {text}: expected {expected}, found {found}");
                Assert.Equal(match?.Text, match?.Groups[0]);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomExpression_IsRefusedOrFoundAsTheDefinitionSays(int seed)
    {
        string[] parts = ["a", "b", "a", "b", ".", "$", "^", @"\b", @"\B", @"\s", @"\w", @"\n", "\n", " ", "|", "(", ")", "(?:", ")", "[", "]", "[^", "*", "+", "?", "{2}", "(?s)", "(?i:", "-", @"\", "A", "(?<", ">"];
        var random = new Random(seed);
        var taken = 0;
        for (var round = 0; round < 500; round++)
        {
            var pattern = $"/{string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => parts[random.Next(parts.Length)]))}/";
            var text = string.Concat(Enumerable.Range(0, 20).Select(_ => "ab \n"[random.Next(4)]));
            var window = random.Next(4, 12);
            try
            {
                _ = Parsed.GetOrAdd(pattern, ConsolePattern.Parse);
            }
            catch (FormatException)
            {
                continue;
            }

            taken++;
            var expected = new NaiveSearch([pattern], window).Find(text, 0);
            foreach (var size in new[] { 1, 5, 20 })
            {
                var match = Find([pattern], text, 0, () => size, window);
                Assert.True(
                    (expected?.DecidedAt, expected?.Start, expected?.End) == (match?.DecidedAt, match?.Start, match?.End),
                    $"seed {seed}, window {window}, pieces of {size}: {pattern} in {text}: expected {expected}, found {match}");
            }
        }

        Assert.InRange(taken, 50, 450);
    }

    [Fact]
    public void EveryPattern_IsFoundSomewhere()
    {
        // Else the test above would prove little.
        foreach (var pattern in Patterns)
        {
            Assert.NotNull(new NaiveSearch([pattern], 12).Find("x\n\nb\na b $ # aab aaba\nab\na\nb\na \n$\nb a", 0));
        }
    }

    [Fact]
    public void ForgottenText_IsSkipped()
    {
        var transcript = new ConsoleTranscript(100);
        var search = new PatternSearch(transcript, [ConsolePattern.Parse("/^a/"), ConsolePattern.Parse("b")], 0);
        transcript.Append("b" + new string('x', 50) + new string('a', 100));
        Assert.False(search.TryFind(out _));
        transcript.Append("\na");
        Assert.True(search.TryFind(out var match));
        Assert.Equal((0, 152, 153), (match.PatternIndex, match.Start, match.End));
    }

    [Fact]
    public void Search_EndsWithItsFirstMatch()
    {
        var transcript = new ConsoleTranscript();
        var search = new PatternSearch(transcript, [ConsolePattern.Parse("a")], 0);
        transcript.Append("xa");
        Assert.True(search.TryFind(out var first));
        transcript.Append("a");
        Assert.True(search.TryFind(out var again));
        Assert.Same(first, again);
    }

    // Character by character takes time, and only the match's end matters.
    private static Func<int> PiecesOf(int size)
    {
        var isFirst = size == 1;
        return () => isFirst && !(isFirst = false) ? Max - 10 : size;
    }

    private static ConsoleMatch? Find(string[] patterns, string text, int start, Func<int> size) => Find(patterns, text, start, size, Max);

    private static ConsoleMatch? Find(string[] patterns, string text, int start, int size) => Find(patterns, text, start, () => size, Max);

    private static ConsoleMatch? Find(string[] patterns, string text, int start, Func<int> size, int window)
    {
        var transcript = new ConsoleTranscript();
        transcript.Append(text.AsSpan(0, start));
        var search = new PatternSearch(transcript, [.. patterns.Select(text => Parsed.GetOrAdd(text, ConsolePattern.Parse))], start, window);
        ConsoleMatch? match = null;
        for (var at = start; at < text.Length && !search.TryFind(out match);)
        {
            var piece = text.AsSpan(at, Math.Min(size(), text.Length - at));
            transcript.Release(search.Needs);
            transcript.Append(piece);
            at += piece.Length;
        }

        return match ?? (search.TryFind(out match) ? match : null);
    }
}
