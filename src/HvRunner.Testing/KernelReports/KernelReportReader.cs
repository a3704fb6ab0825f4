using System.Diagnostics.CodeAnalysis;

namespace HvRunner.Testing.KernelReports;

/// <summary>
/// Recognizes what a Linux kernel reports of itself on its console, by the first words behind the log's prefixes, and collects each report's
/// text to its natural end. Lines are the console's, complete and in order, without escapes and line ends, at most 4,096 characters; one
/// thread. It decides nothing, and a line that only quotes a report (<c>echo Kernel panic</c>) is none.
/// </summary>
internal sealed class KernelReportReader
{
    internal const int MaxLines = 100;
    internal const int MaxLineChars = 500;
    internal const int MaxReports = 64;

    // Registers, modules and the like behind the stack trace.
    private const int LinesBehindTrace = 5;

    // How far down further first lines of the same kind belong to the report, see KernelReportTable.OfSeveralHeads.
    private const int LinesOfHead = 10;

    // "cut here" and the words of the warning stand before the line that tells what it is.
    private const int MaxOpeningLines = 4;

    private readonly KernelReportText[]?[] _textsByFirst = new KernelReportText[128][];
    private readonly (string Name, KernelReportPattern Pattern)[] _extra;
    private readonly Queue<KernelReport> _complete = new();
    private readonly List<string> _lines = [];

    // The lines before, if they may open a report: equals signs, or "cut here" and what follows.
    private readonly List<string> _opening = [];
    private KernelReportText _text;
    private string? _title;
    private int _linesLeft;
    private bool _opensAfterCut;
    private bool _hasJustEnded;

    internal KernelReportReader(KernelReportOptions options)
    {
        foreach (var texts in KernelReportTable.Texts.Where(text => options.Names.Contains(text.Name)).GroupBy(text => text.Start[0]))
        {
            _textsByFirst[texts.Key] = [.. texts];
        }

        _extra = [.. options.Extra];
    }

    /// <summary>The first line of the report that is being collected; null if none is.</summary>
    internal string? Pending => _title;

    /// <summary>How many reports were dropped because nobody took those before.</summary>
    internal long Dropped { get; private set; }

    /// <summary>Takes one line of the console.</summary>
    internal void Line(ReadOnlySpan<char> line)
    {
        var prefix = KernelLogPrefix.Length(line);
        var text = prefix == 0 ? line : line[prefix..].TrimStart(' ');
        if (_title is null && _opening.Count == 0 && _extra.Length == 0 && !MayMatter(text))
        {
            return;
        }

        _hasJustEnded = false;
        if (Recognize(text) is { } found && !Continues(found))
        {
            Begin(found, text);
        }

        if (_title is not null)
        {
            Collect(line, text);
        }

        Remember(line, text);
    }

    /// <summary>Nothing came for a while: what is being collected is all there is.</summary>
    internal void Quiet() => Complete();

    /// <summary>Takes the oldest report that is complete.</summary>
    internal bool TryTake([NotNullWhen(true)] out KernelReport? report) => _complete.TryDequeue(out report);

    private bool MayMatter(ReadOnlySpan<char> text) =>
        text.Length > 0 && (text[0] is '=' or '-' || (text[0] < _textsByFirst.Length && _textsByFirst[text[0]] is not null));

    private KernelReportText? Recognize(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            return null;
        }

        ReadOnlySpan<KernelReportText> texts = text[0] < _textsByFirst.Length ? _textsByFirst[text[0]] : null;
        foreach (var known in texts)
        {
            if (text.StartsWith(known.Start) && (known.Contains is null || text[known.Start.Length..].Contains(known.Contains, StringComparison.Ordinal)))
            {
                return known;
            }
        }

        foreach (var (name, pattern) in _extra)
        {
            if (pattern(text))
            {
                return new KernelReportText(name, string.Empty);
            }
        }

        return null;
    }

    /// <summary>Whether a first line is no more than a further one of the report that is being collected.</summary>
    private bool Continues(KernelReportText found) => _title is not null && found.Name == _text.Name && _lines.Count <= LinesOfHead && _opening.Count == 0 &&
        (found.Start.Length == 0 || KernelReportTable.OfSeveralHeads.Contains(found.Name));

    private void Begin(KernelReportText found, ReadOnlySpan<char> text)
    {
        if (_title is not null)
        {
            // What opens the new report is not the end of the old one, whose first line stays in any case.
            var notItsOwn = Math.Min(_opening.Count, _lines.Count - 1);
            _lines.RemoveRange(_lines.Count - notItsOwn, notItsOwn);
            Complete();
        }

        _text = found;
        _title = Kept(text);
        _lines.AddRange(_opening);
        _opening.Clear();
        _linesLeft = MaxLines - _lines.Count;
    }

    /// <summary>Keeps the line if it may be the opening of a report: not the ruler that has just closed one.</summary>
    private void Remember(ReadOnlySpan<char> line, ReadOnlySpan<char> text)
    {
        if (IsCut(text) || (IsRuler(text) && !_hasJustEnded))
        {
            _opening.Clear();
            _opening.Add(Kept(line));
            _opensAfterCut = IsCut(text);
        }
        else if (_opening.Count > 0 && _opensAfterCut && _opening.Count < MaxOpeningLines)
        {
            _opening.Add(Kept(line));
        }
        else
        {
            _opening.Clear();
        }
    }

    private void Collect(ReadOnlySpan<char> line, ReadOnlySpan<char> text)
    {
        _lines.Add(Kept(line));
        _linesLeft--;
        if (_text.End == KernelReportEnd.Trace && text.TrimStart(' ').StartsWith("</TASK>"))
        {
            _linesLeft = Math.Min(_linesLeft, LinesBehindTrace);
        }

        var ends = _text.End switch
        {
            KernelReportEnd.Line => true,
            KernelReportEnd.Panic => text.StartsWith("---[ end Kernel panic"),
            KernelReportEnd.Ruler => IsRuler(text) || IsEndOfTrace(text),
            _ => IsEndOfTrace(text),
        };
        if (ends || _linesLeft <= 0)
        {
            Complete();
        }
    }

    private void Complete()
    {
        if (_title is null)
        {
            return;
        }

        if (_complete.Count < MaxReports)
        {
            _complete.Enqueue(new KernelReport(_text.Name, _title, [.. _lines]));
        }
        else
        {
            Dropped++;
        }

        _title = null;
        _lines.Clear();
        _hasJustEnded = true;
    }

    private static bool IsCut(ReadOnlySpan<char> text) => text.StartsWith("------------[ cut here");

    private static bool IsRuler(ReadOnlySpan<char> text)
    {
        const int Shortest = 20;
        var line = text.TrimEnd(' ');
        return line.Length >= Shortest && !line.ContainsAnyExcept('=');
    }

    private static bool IsEndOfTrace(ReadOnlySpan<char> text) => text.StartsWith("---[ end trace");

    private static string Kept(ReadOnlySpan<char> line) => line[..Math.Min(line.Length, MaxLineChars)].TrimEnd().ToString();
}
