using HvRunner.Testing.Results;

namespace HvRunner.Testing.Ktap;

/// <summary>Results, and what is said about them: KTAP's remarks come before their result, TAP's blocks of YAML behind it, so that a result of TAP's waits for the next line.</summary>
internal sealed partial class KtapDocument
{
    private const int MaxBlockLines = 1_000;

    private (int Depth, KtapResult Result)? _waiting;

    // Lines that belong to a remark although they do not look like it: a block of YAML, or the values behind a failed expectation of KUnit's.
    private DiagnosticLines? _block;
    private int _blockIndent;
    private int _blockLines;
    private bool _isYaml;
    private bool _isLoggedBlock;

    /// <summary>Whether lines that do not look like TAP are wanted too.</summary>
    internal bool WantsAll => _block is not null;

    /// <summary>Hands on the result that waits for more about it: nothing more comes for now.</summary>
    internal void FlushWaiting()
    {
        if (_waiting is { } waiting && !_isTentative)
        {
            _waiting = null;
            EndBlock();
            Dispatch(waiting.Depth, new KtapPath(waiting.Result.Name, null), waiting.Result);
        }
    }

    private void TakeResult(in KtapLine line, bool isLogged)
    {
        var at = _levels.Count == 0 ? OpenForFirst(line) : IndexOf(line.Indent);
        if (at < 0)
        {
            at = OpenForResult(line);
        }

        // A level that nothing but its suites opened has no results but theirs; "ok" alone in the other stream is somebody else's.
        if (at < 0 || !_levels[at].Accepts(line) || (_levels[at].IsImplicit && _levels.Count == at + 1) || (isLogged != _isLogged && line.Number is null))
        {
            return;
        }

        while (_levels.Count > at + 2)
        {
            CloseTop(null, SuiteEnd.Missing);
        }

        var level = _levels[at];
        var number = level.Register(line);
        var name = NameOf(line.Text, number.ToString());
        var (outcome, reason) = Judge(line);
        if (_levels.Count > at + 1)
        {
            EndSuite(at, name, outcome, reason);
        }
        else
        {
            Deliver(at, name, outcome, reason);
        }

        if (level.IsImplicit)
        {
            CloseRoot();
        }
    }

    /// <summary>The suite's own result is one more only if it says what none of its tests said.</summary>
    private void EndSuite(int at, string name, TestOutcome outcome, string? reason)
    {
        var suite = Top;
        name = suite.Name ?? name;
        if (suite.Count == 0 && suite.Plan == 0 && outcome == TestOutcome.Passed)
        {
            (outcome, reason) = (TestOutcome.Skipped, suite.SkipReason);
        }

        var speaksForItself = suite.Count == 0 || (outcome == TestOutcome.Failed && suite.Failures == 0);
        CloseTop(name, SuiteEnd.Proper);
        if (speaksForItself)
        {
            Deliver(at, name, outcome, reason ?? (suite.Count > 0 ? "the suite failed, though none of its tests did" : null));
        }

        _pending.Clear();
    }

    /// <summary>The level for a result where nothing is open: the outermost, if the line is as plain a beginning of TAP as there is.</summary>
    private int OpenForFirst(in KtapLine line)
    {
        if (line is not { Indent: 0, Number: 1, HasDash: true, IsCut: false })
        {
            return -1;
        }

        Open(0, KtapFormat.Tap);
        _isTentative = true;
        return 0;
    }

    /// <summary>The level for a result deeper than all: a suite that a header announced, or that TAP 14's four columns show.</summary>
    private int OpenForResult(in KtapLine line)
    {
        var opens = _levels.Count > 0 && line.Indent > Top.Indent && line.Number is not null &&
            (_announced is not null || (Top.Format == KtapFormat.Tap14 && line.Indent == Top.Indent + Tap14Columns && !IsComplete));
        return opens && Open(line.Indent, Top.Format) is not null ? _levels.Count - 1 : -1;
    }

    private void Deliver(int depth, string name, TestOutcome outcome, string? reason)
    {
        if (outcome == TestOutcome.Failed)
        {
            _levels[depth].Failures++;
        }

        var result = new KtapResult(name, outcome, reason, _pending.Take());
        if (_levels[depth].Format == KtapFormat.Ktap)
        {
            Dispatch(depth, new KtapPath(name, null), result);
        }
        else
        {
            _waiting = (depth, result);
        }
    }

    private (TestOutcome Outcome, string? Reason) Judge(in KtapLine line)
    {
        if (output.HasBailedOut)
        {
            output.CameAfterBailOut();
            return (TestOutcome.Failed, "it came after the bail-out");
        }

        var reason = line.Reason.IsEmpty ? null : line.Reason.ToString();
        return line.Directive switch
        {
            KtapDirective.Skip or KtapDirective.XFail => (TestOutcome.Skipped, reason),
            KtapDirective.Todo => (line.IsOk ? TestOutcome.Passed : TestOutcome.Skipped, reason),
            KtapDirective.Timeout => (TestOutcome.Failed, reason is null ? "TIMEOUT" : $"TIMEOUT {reason}"),
            KtapDirective.Error => (TestOutcome.Failed, reason),
            _ => line.IsOk ? (TestOutcome.Passed, null) : (TestOutcome.Failed, reason),
        };
    }

    private void TakeRemark(in KtapLine line, bool isLogged)
    {
        if (!IsOpen)
        {
            return;
        }

        if (line.Kind == KtapLineKind.Yaml)
        {
            var about = _waiting?.Result.Diagnostics ?? _pending;
            BeginBlock(about, line.Indent, isYaml: true, isLogged);
            return;
        }

        FlushWaiting();
        if (!line.Text.IsEmpty)
        {
            _pending.Add(line.Text);
        }

        if (line.Text.Contains("EXPECTATION FAILED at", StringComparison.Ordinal) || line.Text.Contains("ASSERTION FAILED at", StringComparison.Ordinal))
        {
            BeginBlock(_pending, 1, isYaml: false, isLogged);
        }
    }

    private void BeginBlock(DiagnosticLines about, int indent, bool isYaml, bool isLogged) =>
        (_block, _blockIndent, _blockLines, _isYaml, _isLoggedBlock) = (about, indent, 0, isYaml, isLogged);

    private void EndBlock() => _block = null;

    /// <summary>Takes a line into the block that is open, or ends that; false if the line is to be read for itself.</summary>
    private bool TakeBlock(in KtapLine line, ReadOnlySpan<char> text, bool isLogged)
    {
        if (_block is null)
        {
            return false;
        }

        var isTap = line.Kind is not (KtapLineKind.Other or KtapLineKind.Diagnostic or KtapLineKind.Yaml);
        var isInside = line.Indent >= _blockIndent && isLogged == _isLoggedBlock;
        if (++_blockLines > MaxBlockLines || (isTap && !(isInside && _isYaml)) || (!_isYaml && line.Kind != KtapLineKind.Other))
        {
            EndBlock();
            return false;
        }

        if (!isInside || text.IsWhiteSpace())
        {
            return false;
        }

        if (_isYaml && line.Text.TrimEnd() is "...")
        {
            EndBlock();
        }
        else
        {
            var content = text.TrimStart();
            _block.Add((_isYaml ? text[Math.Min(text.Length - content.Length, _blockIndent)..] : content).TrimEnd());
        }

        return true;
    }
}
