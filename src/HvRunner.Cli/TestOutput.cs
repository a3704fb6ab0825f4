using System.Globalization;
using System.Text;
using HvRunner.Host;
using HvRunner.Testing.Cases;
using HvRunner.Testing.Results;

namespace HvRunner.Cli;

/// <summary>
/// What a person sees of the tests: a line on standard output for each case as it ends, with all that is known of a failure, and the summary. On standard
/// error, while cases run: on a terminal one line each that is kept up to date, elsewhere a line from time to time. Colours on a terminal only, unless
/// NO_COLOR is set; annotations where GitHub Actions asks for them.
/// </summary>
internal sealed class TestOutput : IDisposable
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(10);

    // More would scroll a small terminal, and what has scrolled cannot be erased.
    private const int MaxLiveLines = 8;

    private readonly TestSuite _suite;
    private readonly int _count;
    private readonly bool _isLive = RawTerminal.IsTerminal(StandardStreams.Error);
    private readonly bool _hasColours = RawTerminal.IsTerminal(StandardStreams.Output) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private readonly bool _annotates = Environment.GetEnvironmentVariable("GITHUB_ACTIONS") == "true";
    private readonly object _gate = new();
    private readonly Thread _thread;
    private int _done;
    private int _shownLines;
    private bool _finished;

    /// <summary>Begins to show what runs.</summary>
    internal TestOutput(TestSuite suite, int count)
    {
        _suite = suite;
        _count = count;
        _thread = new Thread(Show, 256 * 1024) { IsBackground = true, Name = "test-progress" };
        _thread.Start();
    }

    /// <summary>A case has ended. One at a time.</summary>
    internal void Ended(CaseResult result)
    {
        var text = new StringBuilder();
        var (word, colour) = result.Outcome switch
        {
            TestOutcome.Passed => ("ok  ", "32"),
            TestOutcome.Failed => ("FAIL", "31"),
            _ => ("skip", "33"),
        };
        text.Append(_hasColours ? $"\e[{colour}m{word}\e[0m" : word).Append(' ').Append(ReportText.OneLine(result.Name));
        text.Append(result.SkipReason is { } reason ? $" ({reason})" : $"  {result.Duration.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture)} s");
        if (result.SubCaseCounts is { Total: > 0 } counts)
        {
            text.Append(CultureInfo.InvariantCulture, $", sub-cases: {counts.Passed} passed, {counts.Failed} failed, {counts.Skipped} skipped");
        }

        text.Append('\n');
        foreach (var line in CaseText.LinesOf(result))
        {
            text.Append("     ").Append(line).Append('\n');
        }

        if (_annotates && result.Failure is { } failure)
        {
            text.Append(GitHubAnnotation.Of(result, failure)).Append('\n');
        }

        lock (_gate)
        {
            _done++;
            Erase();
            StandardOutput.Write(text.ToString());
            Draw();
        }
    }

    /// <summary>The summary, as the last line.</summary>
    internal void Finish(IReadOnlyList<CaseResult> results)
    {
        int Count(TestOutcome outcome) => results.Count(result => result.Outcome == outcome);
        Dispose();
        var notRun = _count - results.Count;
        StandardOutput.Write(
            (notRun == 0 ? string.Empty : $"{notRun} not run\n") +
            $"{Count(TestOutcome.Passed)} passed, {Count(TestOutcome.Failed)} failed, {Count(TestOutcome.Skipped)} skipped\n");
    }

    /// <summary>Nothing is shown any more. More than once.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _finished = true;
            Erase();
            Monitor.PulseAll(_gate);
        }

        _thread.Join();
    }

    private void Show()
    {
        lock (_gate)
        {
            while (!_finished)
            {
                Monitor.Wait(_gate, _isLive ? Frame : PlainInterval);
                if (_finished)
                {
                    return;
                }

                if (_isLive)
                {
                    Erase();
                    Draw();
                }
                else
                {
                    foreach (var running in _suite.Running.Where(running => running.Elapsed >= PlainInterval))
                    {
                        StandardError.Words.WriteLine($"hvrun: {LineOf(running)}");
                    }
                }
            }
        }
    }

    private void Draw()
    {
        if (!_isLive || _finished)
        {
            return;
        }

        var width = Math.Max(20, RawTerminal.Columns(StandardStreams.Error) ?? 80) - 1;
        var running = _suite.Running;
        var lines = running.Take(MaxLiveLines).Select(LineOf).ToList();
        lines.Add($"{_done} of {_count} done{(running.Count > MaxLiveLines ? $", {running.Count} running" : string.Empty)}");
        StandardError.Words.Write(string.Concat(lines.Select(line => $"{line[..Math.Min(line.Length, width)]}\n")));
        _shownLines = lines.Count;
    }

    private void Erase()
    {
        if (_shownLines != 0)
        {
            StandardError.Words.Write($"\e[{_shownLines}A\e[J");
            StandardError.Words.Flush();
            _shownLines = 0;
        }
    }

    private static string LineOf(CaseProgress running) =>
        $"{ReportText.OneLine(running.Case.FullName)}  {running.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s  {ReportText.OneLine(running.Step)}";
}
