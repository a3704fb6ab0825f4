using System.Text;

namespace HvRunner.Testing.Ktap;

/// <summary>Levels opened and closed, and results on their way out: named at once where all suites around are, else held by the innermost without a name.</summary>
internal sealed partial class KtapDocument
{
    internal const int MaxHeld = 10_000;

    // Names and diagnostics of results held back; about 8 MB.
    private const int MaxHeldChars = 4 * 1024 * 1024;

    private const int MaxPathChars = 200;
    private const string Unnamed = "(unnamed)";

    private int _held;
    private long _heldChars;
    private bool _saidTooDeep;

    private int IndexOf(int indent) => _levels.FindLastIndex(level => level.Indent == indent);

    /// <summary>Opens a level within the innermost one, or the outermost; null if that would be too deep.</summary>
    private KtapLevel? Open(int indent, KtapFormat format)
    {
        if (indent > 0 && _levels is [{ IsComplete: true }])
        {
            // All that was planned has come, so this is a suite by itself: that of a module loaded later, say.
            CloseRoot();
        }

        if (indent > 0 && _levels.Count == 0)
        {
            _levels.Add(new KtapLevel(0, format) { IsImplicit = true });
        }

        if (_levels.Count > MaxDepth)
        {
            if (!_saidTooDeep)
            {
                output.Fault($"suites nested deeper than {MaxDepth} are not read");
                _saidTooDeep = true;
            }

            return null;
        }

        var level = new KtapLevel(indent, format) { Name = _announced };
        _announced = null;
        _levels.Add(level);
        return level;
    }

    private void CloseDeeperThan(int indent)
    {
        while (_levels.Count > 1 && Top.Indent > indent)
        {
            CloseTop(null, SuiteEnd.Missing);
        }
    }

    private void CloseInnermost()
    {
        if (_levels.Count > 1)
        {
            CloseTop(null, SuiteEnd.Missing);
        }
        else
        {
            CloseRoot();
        }
    }

    private void CloseRoot()
    {
        FlushWaiting();
        if (_levels.Count == 1)
        {
            Report(Top, SuiteEnd.Proper);
        }

        Forget();
    }

    private void CloseTop(string? name, SuiteEnd end)
    {
        var level = Top;
        level.Name ??= name ?? Unnamed;
        Report(level, end);
        _announced = null;
        _levels.RemoveAt(_levels.Count - 1);
        Top.Failures += level.Failures;
        _held -= level.Held.Count;
        _heldChars -= level.Held.Sum(held => CharsOf(held.Result));
        foreach (var (below, result) in level.Held)
        {
            Dispatch(_levels.Count - 1, new KtapPath(level.Name, below), result);
        }
    }

    /// <summary>Says what is wrong with the innermost level. Whoever gave up owes nothing.</summary>
    private void Report(KtapLevel level, SuiteEnd end)
    {
        if (output.HasBailedOut)
        {
            return;
        }

        if (end != SuiteEnd.Proper)
        {
            output.Fault(end == SuiteEnd.Missing ? $"suite '{PathOfTop()}' has no end" : $"the output stops in the middle of suite '{PathOfTop()}'");
        }

        foreach (var fault in level.Judge())
        {
            output.Fault(_levels.Count == 1 ? fault : $"suite '{PathOfTop()}': {fault}");
        }
    }

    private void Dispatch(int depth, KtapPath path, KtapResult result)
    {
        for (var at = depth; at > 0; at--)
        {
            if (_levels[at].Name is not { } name)
            {
                _levels[at].Held.Add((path, result));
                _held++;
                _heldChars += CharsOf(result);
                if (_held >= MaxHeld || _heldChars >= MaxHeldChars)
                {
                    ReleaseHeld();
                }

                return;
            }

            path = new KtapPath(name, path);
        }

        output.Emit(path, result);
    }

    /// <summary>Too much waits for names: what has none by now is called so.</summary>
    private void ReleaseHeld()
    {
        (_held, _heldChars) = (0, 0);
        foreach (var level in _levels)
        {
            level.Name ??= Unnamed;
        }

        for (var at = 1; at < _levels.Count; at++)
        {
            foreach (var (path, result) in _levels[at].Held)
            {
                Dispatch(at, path, result);
            }

            _levels[at].Held.Clear();
        }
    }

    private static int CharsOf(KtapResult result) => result.Name.Length + (result.Reason?.Length ?? 0) + result.Diagnostics.Chars;

    private string PathOfTop()
    {
        var path = new StringBuilder();
        for (var at = 1; at < _levels.Count && path.Length <= MaxPathChars; at++)
        {
            path.Append(at == 1 ? "" : "/").Append(_levels[at].Name ?? Unnamed);
        }

        return path.Length <= MaxPathChars ? path.ToString() : path.ToString(0, MaxPathChars) + "...";
    }

    /// <summary>How a suite came to its end.</summary>
    private enum SuiteEnd
    {
        /// <summary>By a result of the level around it.</summary>
        Proper,

        /// <summary>Something began that does not belong to it.</summary>
        Missing,

        /// <summary>Nothing more came.</summary>
        OutputStopped,
    }
}
