using HvRunner.Testing.Results;

namespace HvRunner.Testing.Ktap;

/// <summary>
/// The nesting of one stream of TAP: a stack of levels, the outermost the whole. Lines find their level by indentation alone, since two or
/// four columns are both in use; a level opens by a version line, a plan or a suite's header, never by a result that looks as if it belonged
/// to one. A result at the level around a suite ends it and names it.
/// </summary>
/// <remarks>
/// Results before any version line or plan count if they are the first two in order, or a plan follows the first: so do TAP writers that
/// count as they go and give the plan last. Deliberately absent: YAML read as YAML, pragmas, node-tap's braces.
/// </remarks>
internal sealed partial class KtapDocument(KtapOutput output)
{
    internal const int MaxDepth = 16;

    private const int Tap14Columns = 4;

    private readonly List<KtapLevel> _levels = [];
    private readonly DiagnosticLines _pending = new();

    // The name that a header gave to the next suite within the innermost level.
    private string? _announced;

    // Which of the console's two streams the outermost level began in.
    private bool _isLogged;

    // There is one result, and nothing has shown yet that it is TAP's.
    private bool _isTentative;

    /// <summary>Whether a line belongs here if it belongs anywhere.</summary>
    internal bool IsOpen => _levels.Count > 0;

    /// <summary>Whether nothing more is expected: a new beginning is a stream of its own.</summary>
    internal bool IsComplete => _isTentative || _levels is [{ IsComplete: true }];

    private KtapLevel Top => _levels[^1];

    /// <summary>Takes a line without its prefix; false if it is nothing of TAP.</summary>
    internal bool Take(ReadOnlySpan<char> text, bool isLogged, bool isCut)
    {
        var line = KtapLine.Read(text, isCut);
        if (TakeBlock(line, text, isLogged))
        {
            return true;
        }

        if (line.Kind is KtapLineKind.Other)
        {
            return false;
        }

        if (!IsOpen)
        {
            _isLogged = isLogged;
        }

        if (line.Kind is KtapLineKind.Diagnostic or KtapLineKind.Yaml)
        {
            TakeRemark(line, isLogged);
            return true;
        }

        if (_isTentative)
        {
            _isTentative = false;
            if (!Confirms(line))
            {
                Forget();
            }
        }

        FlushWaiting();
        switch (line.Kind)
        {
            case KtapLineKind.Version:
                TakeVersion(line);
                break;
            case KtapLineKind.Subtest:
                TakeHeader(line);
                break;
            case KtapLineKind.Plan:
                TakePlan(line);
                break;
            case KtapLineKind.BailOut:
                output.BailOut(line.Text);
                break;
            default:
                TakeResult(line, isLogged);
                break;
        }

        return true;
    }

    /// <summary>Nothing more comes: what is open is closed and judged.</summary>
    internal void Finish()
    {
        EndBlock();
        if (_isTentative)
        {
            Forget();
        }

        FlushWaiting();
        while (_levels.Count > 1)
        {
            CloseTop(null, SuiteEnd.OutputStopped);
        }

        CloseRoot();
    }

    private void TakeVersion(in KtapLine line)
    {
        var format = line.IsKtap ? KtapFormat.Ktap : line.Number >= 14 ? KtapFormat.Tap14 : KtapFormat.Tap;
        CloseDeeperThan(line.Indent);
        if (_levels.Count > 0 && Top.Indent == line.Indent)
        {
            if (Top.IsFresh && !Top.HasVersion && _announced is null)
            {
                Top.SetVersion(format);
                return;
            }

            CloseInnermost();
        }

        Open(line.Indent, format)?.SetVersion(format);
        _pending.Clear();
    }

    private void TakeHeader(in KtapLine line)
    {
        CloseDeeperThan(line.Indent);
        var name = NameOf(line.Text, Unnamed);
        if (_levels.Count == 0 || line.Indent > Top.Indent)
        {
            if (line.Indent > 0 && Open(line.Indent, IsOpen ? Top.Format : KtapFormat.Ktap) is { } level)
            {
                NameByHeader(level, name);
            }
        }
        else if (line.Indent == Top.Indent)
        {
            // KUnit's header stands within its suite, TAP 14's before it.
            if (_levels.Count > 1 && Top.IsFresh && Top.Name is null)
            {
                NameByHeader(Top, name);
            }
            else
            {
                _announced = name;
            }
        }

        _pending.Clear();
    }

    private void NameByHeader(KtapLevel level, string name)
    {
        level.Name = name;
        level.MayLackPlan = _levels.Count > 2;
    }

    private void TakePlan(in KtapLine line)
    {
        var at = IndexOf(line.Indent);
        if (at < 0)
        {
            var opens = _levels.Count == 0 ? line.Indent == 0 && line.Number is not null : line.Indent > Top.Indent && !IsComplete;
            if (!opens || Open(line.Indent, IsOpen ? Top.Format : KtapFormat.Tap) is null)
            {
                return;
            }
        }
        else
        {
            CloseDeeperThan(line.Indent);
            if (_levels.Count > 1 && Top.HasPlan && _announced is { } next)
            {
                // What looked like the header of a suite within was that of the next one, and this one has no end.
                CloseInnermost();
                Open(line.Indent, Top.Format)!.Name = next;
            }
        }

        var reason = line.Reason.IsEmpty ? null : line.Reason.ToString();
        if (!Top.TrySetPlan(line.Number, reason))
        {
            Top.Fault("a second plan came");
        }
        else if (line.Number == 0 && _levels.Count == 1 && Top.Count == 0)
        {
            Deliver(0, "(all)", TestOutcome.Skipped, reason);
        }

        _pending.Clear();
    }

    private bool Confirms(in KtapLine line) => line.Indent == 0 &&
        (line.Kind == KtapLineKind.BailOut || (line.Kind == KtapLineKind.Plan && line.Number > 0) || (line.Kind == KtapLineKind.Result && line.Number == 2 && line.HasDash));

    private void Forget()
    {
        _levels.Clear();
        _pending.Clear();
        EndBlock();
        _waiting = null;
        _announced = null;
        _isTentative = false;
    }

    private static string NameOf(ReadOnlySpan<char> text, string otherwise) => text.IsEmpty ? otherwise : KtapDirectives.Unescape(text);
}
