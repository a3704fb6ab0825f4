using System.Diagnostics;
using HvRunner.Testing.Console;
using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Ktap;
using HvRunner.Testing.Machines;
using HvRunner.Testing.Matching;

namespace HvRunner.Testing.Cases;

/// <summary>
/// Reads a guest's console for a case: every byte goes into the log as it is, its text to where patterns are searched, its lines to those who look for
/// results and for a kernel's reports. Bounded in memory whatever comes. One thread.
/// </summary>
internal sealed class ConsoleReader
{
    /// <summary>What a report is called that one of the script's own <c>problems</c> found; no kind of kernel report, so nothing to ignore.</summary>
    internal const string ProblemName = "problem";

    // What a report or a result may still have to say is taken for complete when the guest has said nothing for so long.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(5);

    private readonly GuestSession _session;
    private readonly Stream _log;
    private readonly byte[] _bytes = new byte[64 * 1024];
    private readonly ConsoleDecoder _decoder = new();
    private readonly ConsoleTranscript _transcript = new();
    private readonly LineSplitter _lines;
    private readonly KtapReader _results;
    private readonly KernelReportReader _reports;
    private readonly List<(string Step, PatternSearch Search)> _rejected = [];
    private Action<string>? _line;
    private Exception? _lineFault;
    private long _cursor;
    private long _reportBegan;
    private long _lastRead = Stopwatch.GetTimestamp();

    /// <summary>Reads a guest's console.</summary>
    /// <param name="session">The guest.</param>
    /// <param name="log">Gets every byte as it is.</param>
    /// <param name="results">Gets the lines, for test results.</param>
    /// <param name="reports">Gets the lines, for the kernel's reports.</param>
    /// <param name="line">Gets the lines too; null for nobody.</param>
    internal ConsoleReader(GuestSession session, Stream log, KtapReader results, KernelReportReader reports, Action<string>? line = null)
    {
        _line = line;
        _session = session;
        _log = log;
        _results = results;
        _reports = reports;
        _lines = new LineSplitter(Line);
    }

    /// <summary>The guest has ended and all that it said was read.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>What to do where a kernel's report is no fault, for the sentence about it; {0} is the report's name.</summary>
    internal string AdviceOnReports { get; init; } = "write ignore: [{0}]";

    /// <summary>What does not add up in the results on the console; known when the guest has ended.</summary>
    internal IReadOnlyList<string> ResultFaults { get; private set; } = [];

    /// <summary>From here on, none of these may appear.</summary>
    internal void Reject(string step, IReadOnlyList<ConsolePattern> patterns) => _rejected.Add((step, Search(patterns)));

    /// <summary>A search for patterns behind the last match.</summary>
    internal PatternSearch Search(IReadOnlyList<ConsolePattern> patterns) => new(_transcript, patterns, _cursor);

    /// <summary>What a search finds in what was read so far, or null. Throws <see cref="CaseFailedException"/> for a rejected text that came before.</summary>
    internal ConsoleMatch? Find(PatternSearch search)
    {
        var isFound = search.TryFind(out var match);
        CheckRejected(isFound ? match!.DecidedAt : long.MaxValue);
        return match;
    }

    /// <summary>What is searched for from now on comes behind this match.</summary>
    internal void MoveBehind(ConsoleMatch match)
    {
        _cursor = match.End;
        Release(search: null);
    }

    /// <summary>Throws <see cref="CaseFailedException"/> when a rejected text has come.</summary>
    internal void CheckRejected() => CheckRejected(upTo: long.MaxValue);

    /// <summary>
    /// Waits for one of the patterns behind the last match. Null when the guest ended without it. Throws <see cref="CaseFailedException"/> for a rejected text, a
    /// kernel's report, and for time that ran out.
    /// </summary>
    internal ConsoleMatch? Await(IReadOnlyList<ConsolePattern> patterns, Deadline deadline, string awaited)
    {
        var search = Search(patterns);
        while (true)
        {
            if (Find(search) is { } match)
            {
                MoveBehind(match);
                return match;
            }

            Release(search);
            if (HasEnded)
            {
                return null;
            }

            ThrowIfPassed(deadline, awaited);
            Pump(deadline);
        }
    }

    /// <summary>What was matched last in the line where that match ended may be matched once more.</summary>
    internal void BackToLineStart()
    {
        var start = Math.Max(_transcript.Start, _cursor - ConsolePattern.MaxMatchChars);
        _cursor = start + _transcript.Span(start, _cursor).LastIndexOf('\n') + 1;
    }

    /// <summary>Reads on until the deadline or the guest's end, whichever comes first; false when it was the deadline.</summary>
    /// <param name="deadline">When to stop.</param>
    /// <param name="isLast">No pattern is awaited any more, so nothing need be kept for one.</param>
    internal bool ReadUntil(Deadline deadline, bool isLast = false)
    {
        while (!HasEnded)
        {
            CheckRejected(upTo: long.MaxValue);
            if (deadline.HasPassed)
            {
                return false;
            }

            if (isLast)
            {
                _cursor = _transcript.End;
                Release(search: null);
            }

            Pump(deadline);
        }

        CheckRejected(upTo: long.MaxValue);
        return true;
    }

    /// <summary>
    /// Reads what comes next; returns behind it, after a moment, at the limit or when the session is nudged. Throws <see cref="CaseFailedException"/> for a
    /// kernel's report.
    /// </summary>
    /// <param name="limit">When to return at the latest.</param>
    /// <param name="isAwaited">See <see cref="ConsoleFeed.Read"/>.</param>
    internal void ReadOnce(Deadline limit, bool isAwaited) => Pump(limit, isAwaited);

    /// <summary>Reads on to the guest's end with nothing found wrong any more: the case is judged, only its log is completed.</summary>
    internal void Drain(Deadline deadline)
    {
        while (!HasEnded && !deadline.HasPassed)
        {
            Read(deadline.Left);
        }
    }

    /// <summary>Throws when a time limit has passed.</summary>
    internal static void ThrowIfPassed(Deadline deadline, string awaited)
    {
        if (deadline.HasPassed)
        {
            throw new CaseFailedException($"{deadline.Sentence} passed while {awaited}", isTimeout: true);
        }
    }

    private void Pump(Deadline deadline, bool isAwaited = true)
    {
        var limit = deadline.Left;
        if (Read(limit < Silence ? limit : Silence, isAwaited) > 0)
        {
            _lastRead = Stopwatch.GetTimestamp();
        }
        else if (Stopwatch.GetElapsedTime(_lastRead) >= Silence)
        {
            _reports.Quiet();
            _results.Quiet();
        }

        if (_reports.Pending is not null)
        {
            _reportBegan = _reportBegan == 0 ? Stopwatch.GetTimestamp() : _reportBegan;
            if (Stopwatch.GetElapsedTime(_reportBegan) > ReportLimit)
            {
                _reports.Quiet();
            }
        }
        else
        {
            _reportBegan = 0;
        }

        if (_reports.TryTake(out var report))
        {
            var advice = string.Format(System.Globalization.CultureInfo.InvariantCulture, AdviceOnReports, report.Name);
            var sentence = report.Name == ProblemName
                ? $"the console shows a problem: {report.Title}"
                : $"the console reports: {report.Title} ({report.Name}; where that is expected, {advice})";
            throw new CaseFailedException(sentence, details: report.Lines);
        }

        if (_lineFault is { } fault)
        {
            _lineFault = null;
            throw new CaseFailedException($"whoever is told of the console's lines has thrown: {fault.Message}", details: fault.ToString().Split('\n'));
        }
    }

    private int Read(TimeSpan limit, bool isAwaited = true)
    {
        var count = _session.Read(_bytes, limit, isAwaited);
        if (count > 0)
        {
            _log.Write(_bytes, 0, count);
            ReadOnlySpan<byte> bytes = _bytes.AsSpan(0, count);
            while (!bytes.IsEmpty)
            {
                Take(_decoder.Decode(ref bytes));
            }
        }
        else if (count < 0)
        {
            Take(_decoder.Finish());
            _lines.Finish();
            ResultFaults = _results.Finish();
            _reports.Quiet();
            HasEnded = true;
        }

        return count;
    }

    private void Take(ReadOnlySpan<char> text)
    {
        _transcript.Append(text);
        _lines.Append(text);
    }

    private void Line(ReadOnlySpan<char> line)
    {
        _results.Line(line);
        _reports.Line(line);
        try
        {
            _line?.Invoke(line.ToString());
        }
        catch (Exception exception)
        {
            // Not the guest's fault, nor that of what was read with this line: the reading goes on without that listener.
            _line = null;
            _lineFault = exception;
        }
    }

    private void CheckRejected(long upTo)
    {
        foreach (var (step, search) in _rejected)
        {
            if (search.TryFind(out var match) && match.DecidedAt <= upTo)
            {
                throw new CaseFailedException($"the console shows what must not appear: '{match.Text}' ({step})");
            }
        }
    }

    private void Release(PatternSearch? search)
    {
        var needed = Math.Min(search?.Needs ?? _cursor, _rejected.Count == 0 ? long.MaxValue : _rejected.Min(rejected => rejected.Search.Needs));

        // What a match's own line says before it is kept for BackToLineStart; the character before a place says whether a line begins there.
        _transcript.Release(Math.Max(0, needed - ConsolePattern.MaxMatchChars - 1));
    }
}
