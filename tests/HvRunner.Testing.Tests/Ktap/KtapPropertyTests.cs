using HvRunner.Testing.Ktap;
using HvRunner.Testing.Results;

namespace HvRunner.Testing.Tests.Ktap;

/// <summary>What holds for every console: recorded and written ones, log lines strewn in, and all of it damaged.</summary>
public class KtapPropertyTests
{
    private static readonly Lazy<string[][]> Consoles = new(() => [.. Directory.EnumerateFiles(Path.Combine(CorpusFiles.Folder), "*.log")
        .Order(StringComparer.Ordinal).Select(File.ReadAllLines).Where(lines => lines.Length < 400)]);

    private static readonly string[] Pieces =
    [
        "TAP version 13", "TAP version 14", "KTAP version 1", "1..3", "1..0 # SKIP", "1..99999999999999999999", "ok", "ok 1", "not ok 2 - b", "ok 3 # SKIP", "ok 99999999999999999999 c",
        "# Subtest: s", "# remark", "# a: EXPECTATION FAILED at x", "---", "...", "Bail out!", "  ", "    ", "\t", "[    1.234567] ", "<6>", "[   12.3] usb", "not", "no", "o", " - ", @"\#", "#", "\0", "é", "\ud800",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void LogLinesBetween_ChangeNothing(int seed)
    {
        var random = new Random(seed);
        foreach (var console in Consoles.Value)
        {
            var expected = KtapConsole.Of(console);
            var strewn = new List<string>();
            var isCut = false;
            foreach (var line in console)
            {
                while (random.Next(3) == 0)
                {
                    // What a cut line goes on with is the next line of a program's, whatever the kernel says between.
                    strewn.Add((isCut ? "[    3.000000] " : "") + LogLine(random));
                }

                strewn.Add(line);
                isCut = line.IndexOf("[ ", Math.Min(line.Length, 1), StringComparison.Ordinal) > 0 || (isCut && line.StartsWith('['));
            }

            var found = KtapConsole.Of(strewn);
            Assert.True(expected.Shown.SequenceEqual(found.Shown) && expected.Faults.SequenceEqual(found.Faults), $"seed {seed}:\n{string.Join('\n', strewn)}");
            Assert.Equal(expected.Results.Select(result => string.Join('\n', result.Diagnostics)), found.Results.Select(result => string.Join('\n', result.Diagnostics)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void DamagedConsoles_AddUpAndThrowNothing(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 150; round++)
        {
            var lines = Consoles.Value[random.Next(Consoles.Value.Length)].ToList();
            for (var damages = random.Next(1, 12); damages > 0; damages--)
            {
                Damage(lines, random);
            }

            Check(lines, $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ConsolesOfPieces_AddUpAndThrowNothing(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 1_000; round++)
        {
            string Piece() => Pieces[random.Next(Pieces.Length)];
            var lines = Enumerable.Range(0, random.Next(1, 60)).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Piece())));
            Check([.. lines], $"seed {seed}, round {round}");
        }
    }

    private static void Check(List<string> lines, string from)
    {
        try
        {
            var first = KtapConsole.Of(lines);
            var second = KtapConsole.Of(lines);
            Assert.Equal(first.Results.Count, first.Reader.Passed + first.Reader.Failed + first.Reader.Skipped);
            Assert.Equal(first.Results.Count(result => result.Outcome == TestOutcome.Failed), first.Reader.Failed);
            Assert.True(first.Shown.SequenceEqual(second.Shown) && first.Faults.SequenceEqual(second.Faults));
            Assert.All(first.Results, result => Assert.InRange(result.Path.Count, 1, KtapDocument.MaxDepth + 1));
            Assert.All(first.Results, result => Assert.All(result.Path, Assert.NotEmpty));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{from}:\n{string.Join('\n', lines)}", e);
        }
    }

    /// <summary>A line that is nothing of TAP: of a program or of the kernel, at any indentation where it has a prefix.</summary>
    private static string LogLine(Random random)
    {
        string[] words = ["usb", "1-1:", "new", "device", "ok", "not", "TAP", "1..4", "(ok 3)", "0x12", "[1.5]", "done."];
        var text = "log " + string.Join(' ', Enumerable.Range(0, random.Next(1, 8)).Select(_ => words[random.Next(words.Length)]));
        return random.Next(4) switch
        {
            0 => text,
            1 => $"[{random.Next(99_999),5}.{random.Next(1_000_000):000000}] {text}",
            2 => $"[{random.Next(99_999),5}.{random.Next(1_000_000):000000}][{"T" + random.Next(999),6}] {text}",
            _ => $"<{random.Next(8)}>{text}",
        };
    }

    private static void Damage(List<string> lines, Random random)
    {
        if (lines.Count == 0)
        {
            return;
        }

        var (one, other) = (random.Next(lines.Count), random.Next(lines.Count));
        var line = lines[one];
        var at = random.Next(line.Length + 1);
        switch (random.Next(8))
        {
            case 0:
                lines.RemoveAt(one);
                break;
            case 1:
                lines.Insert(other, line);
                break;
            case 2:
                (lines[one], lines[other]) = (lines[other], line);
                break;
            case 3:
                lines[one] = line[..at];
                break;
            case 4:
                lines[one] = string.Concat(line.AsSpan(0, at), LogLine(random), line.AsSpan(at));
                break;
            case 5:
                lines[one] = string.Concat(line.AsSpan(0, at), ((char)random.Next(0x20, 0x500)).ToString(), line.AsSpan(Math.Min(line.Length, at + 1)));
                break;
            case 6:
                lines[one] = line.Replace(random.Next(1, 9).ToString(), random.NextInt64().ToString(), StringComparison.Ordinal);
                break;
            default:
                lines.RemoveRange(one, lines.Count - one);
                break;
        }
    }
}
