using HvRunner.Launch;
using HvRunner.Testing.Results;

namespace HvRunner.Cli;

/// <summary>The reports that were asked for: their files are opened before anything runs, so that a path that cannot be written is told then.</summary>
internal sealed class TestReports : IDisposable
{
    private readonly List<(string Option, FileStream File, Action<Stream, IReadOnlyList<CaseResult>> Write)> _reports = [];

    internal TestReports(TestRequest request, Faults faults)
    {
        Open("--junit", request.JUnitPath, JUnitReport.Write, faults);
        Open("--tap", request.TapPath, WriteTap, faults);
        Open("--json", request.JsonPath, (output, results) => JsonReport.Write(output, results, HvRunVersion.Text), faults);
        OutputFile.AreDistinct([("--junit", request.JUnitPath), ("--tap", request.TapPath), ("--json", request.JsonPath)], [], string.Empty, faults);
    }

    /// <summary>Drops what older runs left in the files.</summary>
    internal void Empty() => _reports.ForEach(report => OutputFile.Empty(report.File));

    /// <summary>Writes them. A disk that is full is told; the results stand.</summary>
    internal void Write(IReadOnlyList<CaseResult> results)
    {
        foreach (var (option, file, write) in _reports)
        {
            try
            {
                using var buffered = new BufferedStream(file, 1 << 16);
                write(buffered, results);
            }
            catch (IOException exception)
            {
                StandardError.Words.WriteLine($"hvrun: {option}: {exception.Message}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reports.ForEach(report => report.File.Dispose());

    private static void WriteTap(Stream output, IReadOnlyList<CaseResult> results)
    {
        using var text = new StreamWriter(output, leaveOpen: true);
        TapReport.Write(text, results);
    }

    private void Open(string option, string? path, Action<Stream, IReadOnlyList<CaseResult>> write, Faults faults)
    {
        if (path is not null && faults.Try(() => OutputFile.Open(option, path)) is { } file)
        {
            _reports.Add((option, file, write));
        }
    }
}
