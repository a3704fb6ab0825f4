using System.Text;
using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Ktap;
using HvRunner.Testing.Results;

namespace HvRunner.Testing.Tests.Corpus;

/// <summary>Whole consoles, recorded and written: what is found on them is what stands beside them. The README of the folder says how.</summary>
public class CorpusTests
{
    public static TheoryData<string> Logs => new(Directory.EnumerateFiles(CorpusFiles.Folder, "*.log").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Logs))]
    public void Console_GivesWhatIsExpected(string name) => Assert.Equal(
        File.ReadAllText(Path.Combine(CorpusFiles.Folder, name + ".expected")),
        Found(File.ReadAllLines(Path.Combine(CorpusFiles.Folder, name + ".log"))));

    [Fact]
    public void EveryFile_HasItsOther()
    {
        string[] Names(string extension) => [.. Directory.EnumerateFiles(CorpusFiles.Folder, "*." + extension).Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];
        Assert.Equal(Names("log"), Names("expected"));
        Assert.All(Directory.EnumerateFiles(CorpusFiles.Folder), path => Assert.InRange(new FileInfo(path).Length, 0, 64 * 1024));
    }

    private static string Found(IEnumerable<string> lines)
    {
        var text = new StringBuilder();
        var results = new KtapReader(result => Write(text, result));
        var reports = new KernelReportReader(new KernelReportOptions { Names = KernelReportTable.AllNames });
        foreach (var line in lines)
        {
            results.Line(line);
            reports.Line(line);
            Write(text, reports);
        }

        reports.Quiet();
        Write(text, reports);
        foreach (var fault in results.Finish())
        {
            text.Append("fault: ").Append(fault).Append('\n');
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, SubCase result)
    {
        text.Append(result.Outcome.ToString().ToLowerInvariant()).Append(' ').AppendJoin(" > ", result.Path);
        text.Append(result.Reason is null ? "" : $": {result.Reason}").Append('\n');
        foreach (var line in result.Diagnostics)
        {
            text.Append("  | ").Append(line).Append('\n');
        }
    }

    private static void Write(StringBuilder text, KernelReportReader reports)
    {
        while (reports.TryTake(out var report))
        {
            text.Append($"report {report.Name}, {report.Lines.Count} lines: {report.Title}\n");
        }
    }
}
