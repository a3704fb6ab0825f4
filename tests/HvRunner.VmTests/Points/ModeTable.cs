using System.Text;
using System.Text.RegularExpressions;

namespace HvRunner.VmTests.Points;

/// <summary>How a test ended in a mode; the worst of several runs counts.</summary>
internal enum ModeOutcome
{
    /// <summary>It did not come up there.</summary>
    Absent,

    /// <summary>The guest had a reason to leave it out.</summary>
    Skip,

    /// <summary>It passed.</summary>
    Ok,

    /// <summary>It failed as the host's own defect lets expect.</summary>
    Deviation,

    /// <summary>It failed.</summary>
    NotOk,
}

/// <summary>
/// The tests of one guest in several modes of running it: one row a test, one column a mode. A mode that is held to pass has no deviations; in another one, a
/// test may fail whose row says so.
/// </summary>
internal sealed partial class ModeTable
{
    private readonly List<string> _tests = [];
    private readonly List<string> _modes = [];
    private readonly Dictionary<(string Test, string Mode), ModeOutcome> _cells = [];

    /// <summary>Adds the outcomes of one run; several of one mode are put together.</summary>
    internal void Add(string mode, string tap, IReadOnlySet<string> mayFail)
    {
        if (!_modes.Contains(mode))
        {
            _modes.Add(mode);
        }

        foreach (Match match in PointLine().Matches(tap))
        {
            var test = match.Groups["name"].Value;
            if (!_tests.Contains(test))
            {
                _tests.Add(test);
            }

            var outcome = match.Groups["not"].Success ? (mayFail.Contains(test) ? ModeOutcome.Deviation : ModeOutcome.NotOk)
                : match.Groups["skip"].Success ? ModeOutcome.Skip
                : ModeOutcome.Ok;
            _cells[(test, mode)] = (ModeOutcome)Math.Max((int)outcome, (int)this[test, mode]);
        }
    }

    internal ModeOutcome this[string test, string mode] => _cells.GetValueOrDefault((test, mode));

    /// <summary>Every cell that failed and may not, as <c>mode: test</c>.</summary>
    internal IReadOnlyList<string> Failures =>
        [.. _cells.Where(cell => cell.Value == ModeOutcome.NotOk).Select(cell => $"{cell.Key.Mode}: {cell.Key.Test}").Order(StringComparer.Ordinal)];

    internal int Count(ModeOutcome outcome) => _cells.Values.Count(value => value == outcome);

    /// <summary>The table, for people.</summary>
    internal string Render()
    {
        var text = new StringBuilder();
        var width = _tests.Select(test => test.Length).Append("test".Length).Max();
        text.Append("test".PadRight(width));
        _modes.ForEach(mode => text.Append(" | ").Append(mode));
        text.Append('\n');
        foreach (var test in _tests)
        {
            text.Append(test.PadRight(width));
            _modes.ForEach(mode => text.Append(" | ").Append(Word(this[test, mode]).PadRight(mode.Length)));
            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Word(ModeOutcome outcome) => outcome switch
    {
        ModeOutcome.Ok => "ok",
        ModeOutcome.NotOk => "not ok",
        ModeOutcome.Deviation => "deviation",
        ModeOutcome.Skip => "skip",
        _ => "-",
    };

    [GeneratedRegex(@"^(?<not>not )?ok \d+ - (?<name>.*?)(?<skip> # SKIP .*)?$", RegexOptions.Multiline)]
    private static partial Regex PointLine();
}
